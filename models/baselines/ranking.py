"""What every ranker answers: rows and scores of the best items."""

# B users, N items, K places

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NO_ITEM = -1


@dataclass(frozen=True, slots=True)
class Ranking:
    """The best items of B users, best first."""

    rows_BK: NDArray[np.int32]
    """-1 where a list is shorter than K."""
    scores_BK: NDArray[np.float32]

    @classmethod
    def concatenate(cls, parts: Sequence["Ranking"], k: int) -> "Ranking":
        """Rankings of following users as one."""
        if not parts:
            return cls(np.empty((0, k), np.int32), np.empty((0, k), np.float32))
        return cls(np.concatenate([part.rows_BK for part in parts]), np.concatenate([part.scores_BK for part in parts]))


def top_k(scores_BN: NDArray[np.floating], k: int) -> Ranking:
    """The k best columns of each row; -inf is never listed, equal scores stand by row."""
    num_listed = min(k, scores_BN.shape[1])
    best_BK = np.argpartition(-scores_BN, num_listed - 1, axis=1)[:, :num_listed]
    best_BK.sort(axis=1)
    values_BK = np.take_along_axis(scores_BN, best_BK, axis=1)
    order_BK = np.argsort(-values_BK, axis=1, kind="stable")
    rows_BK = np.full((len(scores_BN), k), NO_ITEM, np.int32)
    sorted_BK = np.take_along_axis(values_BK, order_BK, axis=1)
    listed_BK = np.isfinite(sorted_BK)
    rows_BK[:, :num_listed] = np.where(listed_BK, np.take_along_axis(best_BK, order_BK, axis=1), NO_ITEM)
    scores_BK = np.full((len(scores_BN), k), -np.inf, np.float32)
    scores_BK[:, :num_listed] = sorted_BK
    return Ranking(rows_BK, scores_BK)
