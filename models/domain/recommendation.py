"""One question to the recommender and its answer, free of HTTP."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from models.domain.events import HistoryEvent

MAX_HISTORY_EVENTS: Final = 500
MAX_K: Final = 100
MAX_SAMPLES: Final = 32
MAX_EXCLUDED_ITEMS: Final = 1000
MAX_ID_CHARACTERS: Final = 128

Fallback = Literal["none", "popularity"]


@dataclass(frozen=True, slots=True)
class RecommendationRequest:
    """A history in, and how the list is wanted."""

    history: Sequence[HistoryEvent]
    k: int = 10
    exclude_item_ids: Sequence[str] = ()
    exclude_seen: bool | None = None
    """None: the bundle decides by the share of repeat purchases it was trained on."""
    exploration: float = 0.0
    """Scale of the generator's noise, 0 to 1; 0 is the single best guess."""
    num_samples: int = 1
    seed: int = 0


@dataclass(frozen=True, slots=True)
class RecommendedItem:
    """One place of the list; `score` in [0, 1] is comparable within one answer."""

    item_id: str
    item_row: int
    score: float


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A ranked list, best first, and how it came about."""

    items: Sequence[RecommendedItem]
    fallback: Fallback
    warnings: Sequence[str]
    candidates_scanned: int
    under_filled: bool
    sources: dict[str, float]
    """Share of the listed items that each candidate source proposed; sums to 1, empty for an empty list."""
