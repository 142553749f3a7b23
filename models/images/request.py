"""What pictures are asked for, and what comes back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

MAX_PICTURES: Final = 16
"""Of one answer; more are a job."""
MAX_JOB_PICTURES: Final = 256
NUM_NEAREST: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureRequest:
    """What is not asked for is drawn from real products that fit the rest."""

    category: str | None = None
    """A path, the beginning of one, or one step of it."""
    colour: str | None = None
    item_id: str | None = None
    """Its category, colour and text count where they are not given: `colour` alone pictures it in another one."""
    query: str | None = None
    """Text; a colour in it counts as `colour`."""
    num: int = 4
    size: int | None = None
    """None: the model's own."""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class NearestProduct:
    """A real product that a picture is like."""

    item_id: str
    distance: float
    """1 − cosine of what the classifier sees: 0 is the same."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What one picture was made from, in words; None: the model knows no such thing of it."""

    category: str | None
    colour: str | None


@dataclass(frozen=True, slots=True)
class GeneratedPicture:
    """One picture as PNG, and what is known of it."""

    png: bytes
    asked: Asked
    category_probability: float | None
    """What the classifier gives the category that was asked for."""
    nearest: Sequence[NearestProduct]
    facts: "PictureFacts"


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """Where a picture comes from: every file carries this."""

    program: str
    """Name and version."""
    model_version: str
    seed: int
    number: int
    """Of the picture among those of its request, from 0."""
    category: str | None
    colour: str | None
    made_at: str
    """ISO 8601."""
    visible_mark: bool
