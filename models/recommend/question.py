"""What the ranker is asked and what it answers, in item rows."""

# S samples, Z noise, K places, N items

from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.domain.recommendation import Strategy
from models.recommend.arrangement import AS_RANKED, Arrangement
from models.recommend.mask import Mask

NOTHING: Final = np.empty(0, np.int32)
EncodedHistory: TypeAlias = tuple[NDArray[np.int32], NDArray[np.int8], NDArray[np.int64]]
"""Item rows, event types and epoch seconds of one history, oldest first."""


@dataclass(frozen=True, slots=True)
class Question:
    """One shopper, ready for the networks."""

    history: EncodedHistory
    excluded_rows: NDArray[np.int32]
    """Ascending."""
    seen_left_out: bool
    """Whether `excluded_rows` holds the whole history."""
    k: int
    noise_SZ: NDArray[np.float32]
    """One row a sample; a single row of zeros is the single best guess."""
    mask: Mask | None = None
    """What may be listed: filter, stock and what still exists. None in evaluation, where everything may: what is out of
    stock today was bought yesterday."""
    disliked_rows: NDArray[np.int32] = field(default_factory=lambda: NOTHING)
    """Excluded as well; what is near them goes down."""
    arrangement: Arrangement = AS_RANKED
    """What is done with the list once it is ranked."""

    def allows(self, rows: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Which of these rows may be listed; no row at all (-1) may not."""
        allowed: NDArray[np.bool_] = (rows >= 0) & ~contains(self.excluded_rows, rows)
        return allowed if self.mask is None else allowed & self.mask.allowed_N[rows]


def contains(ascending_X: NDArray[np.int32], rows: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which of these rows are among the ascending ones; a tenth of the time that `np.isin` takes."""
    if not len(ascending_X):
        return np.zeros(rows.shape, np.bool_)
    places = np.minimum(np.searchsorted(ascending_X, rows), len(ascending_X) - 1)
    return np.asarray(ascending_X[places] == rows)


@dataclass(frozen=True, slots=True)
class RankedList:
    """At most k item rows, best first."""

    rows_K: NDArray[np.int32]
    scores_K: NDArray[np.float32]
    candidates_scanned: int
    """Items whose score was computed."""
    sources: dict[str, float]
    strategy: Strategy
    is_fallback: bool
    """True where there was no history to go by."""

    @classmethod
    def of(
        cls,
        rows_K: NDArray[np.int32],
        scores_K: NDArray[np.float32],
        candidates_scanned: int,
        sources: dict[str, float],
        strategy: Strategy,
    ) -> "RankedList":
        """A list that is not filled up; an empty one has no sources."""
        return cls(rows_K, scores_K, candidates_scanned, sources if len(rows_K) else {}, strategy, is_fallback=False)
