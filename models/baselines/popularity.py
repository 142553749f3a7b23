"""Popularity: the same most-taken items for everyone."""

# N items, K places

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.baselines.best_of_rows import NO_ITEM
from models.data.sequences import Sequences


@dataclass(frozen=True, slots=True)
class Popularity:
    """Items by number of events."""

    num_events_N: NDArray[np.int64]
    name: str = "popularity"

    @classmethod
    def fit(cls, train: Sequences, num_items: int) -> "Popularity":
        """Counts of the training events."""
        return cls(np.bincount(train.item_rows_E, minlength=num_items))

    def rank(
        self, histories: Sequences, k: int, *, exclude_seen: bool
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Item rows [U, K], most popular first, and event counts; -1 and 0 where no item is left."""
        order_N = np.argsort(-self.num_events_N, kind="stable").astype(np.int32)
        rows_UK = np.full((histories.num_users, k), NO_ITEM, np.int32)
        for user in range(histories.num_users):
            seen = np.unique(histories.items_of(user)) if exclude_seen else np.empty(0, np.int32)
            head = order_N[: k + len(seen)]
            left = head[~np.isin(head, seen)][:k]
            rows_UK[user, : len(left)] = left
        counts_UK = np.where(rows_UK == NO_ITEM, 0, self.num_events_N[np.maximum(rows_UK, 0)])
        return rows_UK, counts_UK.astype(np.float32)
