"""The lists of one stage, for any number of questions."""

# B users, K places

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.domain.item_rows import NO_ITEM
from models.recommend.question import RankedList


@dataclass(slots=True)
class StageLists:
    """Item rows, -1 where a list is shorter, and their scores."""

    rows_BK: NDArray[np.int32]
    scores_BK: NDArray[np.float32]
    seconds: float = 0.0
    """What the stage takes alone: its order, and proposals even where it shares them."""

    @classmethod
    def empty(cls, num_users: int, k: int) -> "StageLists":
        """Nothing listed yet."""
        return cls(np.full((num_users, k), NO_ITEM, np.int32), np.zeros((num_users, k), np.float32))

    def put(self, users: NDArray[np.int64], ranked: Sequence[RankedList]) -> None:
        """The lists of these users."""
        for user, answer in zip(users, ranked, strict=True):
            self.rows_BK[user, : len(answer.rows_K)] = answer.rows_K
            self.scores_BK[user, : len(answer.rows_K)] = answer.scores_K
