"""What most shoppers took: the answer without a history, and what fills up a list that has run out."""

# N items, K places, P items in the order of relevance

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.recommend.arrangement import Limits
from models.recommend.question import NOTHING, Question

POPULAR_POOL: Final = 1_000
"""Of the most popular items, those that boosts and diversity may move."""


@dataclass(frozen=True, slots=True)
class PopularItems:
    """Items by how often they were taken."""

    shares_N: NDArray[np.float32]
    """Share of the most popular item's events, 0 to 1."""
    rows_N: NDArray[np.int32]
    """All items, most popular first."""

    @classmethod
    def of(cls, events_N: NDArray[np.float32]) -> "PopularItems":
        """By training events."""
        return cls(
            shares_N=np.asarray(events_N / max(float(events_N.max(initial=0.0)), 1.0), np.float32),
            rows_N=np.argsort(-events_N, kind="stable").astype(np.int32),
        )

    def best(self, question: Question, num: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """The `num` most popular items that are allowed, and their shares."""
        rows = self._allowed(question, NOTHING)[:num]
        return rows, self.shares_N[rows]

    def filled(
        self, rows_K: NDArray[np.int32], scores_K: NDArray[np.float32], question: Question
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """The list, and popular items below the last one up to `k`; the limits of the question hold for all of it."""
        missing = question.k - len(rows_K)
        if missing <= 0:
            return rows_K, scores_K
        more = self._allowed(question, rows_K)
        if question.arrangement.max_per:
            limits = Limits(question.arrangement.max_per, question.arrangement.values_of)
            limits.admitted(rows_K)
            more = _admitted(more, limits, missing)
        more = more[:missing]
        below = scores_K.min() if len(scores_K) else np.float32(1.0)
        return np.concatenate([rows_K, more]), np.concatenate([scores_K, below * self.shares_N[more]])

    def _allowed(self, question: Question, listed_rows: NDArray[np.int32]) -> NDArray[np.int32]:
        return self.rows_N[question.allows(self.rows_N) & ~np.isin(self.rows_N, listed_rows)]


def _admitted(rows: NDArray[np.int32], limits: Limits, missing: int) -> NDArray[np.int32]:
    """The first rows within the limits; looked through piece by piece, as the first piece is mostly enough."""
    kept = NOTHING
    for start in range(0, len(rows), POPULAR_POOL):
        piece = rows[start : start + POPULAR_POOL]
        kept = np.concatenate([kept, piece[limits.admitted(piece, missing - len(kept))]])
        if len(kept) >= missing:
            break
    return kept
