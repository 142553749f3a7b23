"""What comes back where pictures were asked for."""

from typing import TypedDict


class NearestProduct(TypedDict):
    """A real product that a picture is like."""

    item_id: str
    distance: float


class Provenance(TypedDict):
    """Where a picture comes from; its file says the same."""

    generated: bool
    program: str
    model_version: str
    seed: int
    number: int
    made_at: str
    visible_mark: bool
    self_signed: bool


class Image(TypedDict):
    """One picture."""

    png_base64: str
    category: str | None
    colour: str | None
    category_probability: float | None
    nearest: list[NearestProduct]
    provenance: Provenance


class Images(TypedDict):
    """The pictures, or the job that makes them."""

    images: list[Image]
    model_version: str
    seed: int
    job_id: str | None
    status_url: str | None
