"""One question to the recommender and its answer, free of HTTP."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from models.domain.events import HistoryEvent
from models.domain.filter import Filter
from models.domain.rules import Boost

MAX_HISTORY_EVENTS: Final = 500
MAX_K: Final = 100
MAX_FROZEN: Final = 500
"""Most items of one frozen list, which pages are cut from."""
MAX_SAMPLES: Final = 32
MAX_EXCLUDED_ITEMS: Final = 1000
MAX_QUERY_CHARACTERS: Final = 512
MAX_HANDED_IN: Final = 1_000
"""Candidates of another search engine."""
MAX_HANDED_IN_SCORE: Final = 1e15
"""In size. Whole numbers up to here are told apart."""
MAX_ID_CHARACTERS: Final = 128

Fallback = Literal["none", "popularity"]
SearchProfile = Literal["fast", "balanced", "exact"]
"""`fast` has no judge; `balanced` is what the published accuracy means; `exact` asks every item, then the judge."""
Strategy = Literal["ann", "exact_prefilter", "exact", "popularity", "text", "candidates"]
"""How candidates were found: by the index, by scoring all that a selective filter leaves, by scoring everything, or not
at all; in a search by text, or as they were handed in."""


@dataclass(frozen=True, slots=True)
class RecommendationRequest:
    """A history in, and how the list is wanted."""

    history: Sequence[HistoryEvent]
    k: int = 10
    """Up to MAX_K in one answer; up to MAX_FROZEN for a list that is kept and paged through."""
    exclude_item_ids: Sequence[str] = ()
    exclude_seen: bool | None = None
    """None: the bundle decides by the share of repeat purchases it was trained on."""
    exploration: float = 0.0
    """Scale of the generator's noise, 0 to 1; 0 is the single best guess."""
    num_samples: int = 1
    seed: int = 0
    filter: Filter | None = None
    """What is listed always satisfies it, and `k` come back if `k` such items exist."""
    include_out_of_stock: bool = False
    boosts: Sequence[Boost] = ()
    """Each multiplies the score of what fits it; they move what was found, and bring nothing in."""
    max_per: Mapping[str, int] = field(default_factory=dict)
    """Field → most items with the same value; items without a value are not limited."""
    diversity: float = 0.0
    """0 keeps the order of relevance, 1 looks at difference only."""
    search_profile: SearchProfile = "balanced"


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """A text, and all that a recommendation can be asked: what is found by text is ordered by text and history."""

    request: RecommendationRequest
    query: str
    candidates: Sequence[tuple[str, float]] | None = None
    """Item and score, as another search engine found them: ordered by its scores and the history, and no others."""


@dataclass(frozen=True, slots=True)
class SimilarRequest:
    """Which items are like this one, among those that may be listed?"""

    item_id: str
    k: int = 10
    exclude_item_ids: Sequence[str] = ()
    filter: Filter | None = None
    include_out_of_stock: bool = False


class RecommendedItem(NamedTuple):
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
    strategy: Strategy
    candidates_scanned: int
    """Items whose score was computed."""
    under_filled: bool
    """Fewer than `k` came back, because no more were allowed."""
    sources: dict[str, float]
    """Share of the listed items that each candidate source proposed; sums to 1, empty for an empty list."""
    index_version: str = ""
    """Names the state of the catalogue that answered: bundle and live changes."""
