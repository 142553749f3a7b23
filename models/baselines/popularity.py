"""Popularity: the same most-taken items for everyone."""

# N items, K places

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.data.sequences import Sequences
from models.domain.item_rows import NO_ITEM


@dataclass(frozen=True, slots=True)
class Popularity:
    """Items by number of events."""

    num_events_N: NDArray[np.int64]
    name: str = "popularity"

    @classmethod
    def fit(cls, train: Sequences, num_items: int) -> "Popularity":
        """Counts of the training events."""
        return cls(np.bincount(train.item_rows_E, minlength=num_items))

    def order_N(self) -> NDArray[np.int32]:
        """All item rows, most popular first and lower row first among equals."""
        return np.argsort(-self.num_events_N, kind="stable").astype(np.int32)

    def rank(
        self, histories: Sequences, k: int, *, exclude_seen: bool
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Item rows [U, K], most popular first, and event counts; -1 and 0 where no item is left."""
        order_N = self.order_N()
        rows_UK = np.full((histories.num_users, k), NO_ITEM, np.int32)
        for user in range(histories.num_users):
            seen = np.unique(histories.items_of(user)) if exclude_seen else np.empty(0, np.int32)
            left = first_without(order_N, seen, k)
            rows_UK[user, : len(left)] = left
        counts_UK = np.where(rows_UK == NO_ITEM, 0, self.num_events_N[np.maximum(rows_UK, 0)])
        return rows_UK, counts_UK.astype(np.float32)


def first_without(order_N: NDArray[np.int32], left_out: NDArray[np.int32], k: int) -> NDArray[np.int32]:
    """The first k rows of the order, or as many as there are, that are not among the distinct `left_out`."""
    head = order_N[: k + len(left_out)]
    return head[~np.isin(head, left_out)][:k]
