"""Buy again: what the shopper took before, often and lately; nothing is learned from anybody else but popularity."""

# U users, K places

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.baselines.popularity import Popularity, first_without
from models.data.sequences import Sequences
from models.domain.item_rows import NO_ITEM

USUAL_AGE_DECAY: Final = 0.98


@dataclass(frozen=True, slots=True)
class BuyAgain:
    """Own items by the decayed count of their events, then what is popular."""

    popularity: Popularity
    age_decay: float = USUAL_AGE_DECAY
    """An event counts this much less than the one after it."""
    name: str = "buy-again"

    @classmethod
    def fit(cls, train: Sequences, num_items: int) -> "BuyAgain":
        """Counts of the training events break ties and fill lists up."""
        return cls(Popularity.fit(train, num_items))

    def decaying(self, age_decay: float) -> "BuyAgain":
        """The same with older events counting more or less."""
        return replace(self, age_decay=age_decay)

    def rank(
        self, histories: Sequences, k: int, *, exclude_seen: bool
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Item rows [U, K], best first, and scores; -1 and -inf where no item is left.

        Scores fall by 1 from item to item and are equal where nothing tells two items apart. Where seen items are left
        out, nothing but popularity remains.
        """
        if exclude_seen:
            return self.popularity.rank(histories, k, exclude_seen=True)
        order_N, num_events_N = self.popularity.order_N(), self.popularity.num_events_N
        rows_UK = np.full((histories.num_users, k), NO_ITEM, np.int32)
        scores_UK = np.full((histories.num_users, k), -np.inf, np.float32)
        for user in range(histories.num_users):
            own, weights = self._own(histories.items_of(user))
            order = np.lexsort((own, -num_events_N[own], -weights))[:k]
            filling = first_without(order_N, own, k - len(order))
            listed = np.concatenate([own[order], filling])
            weight_of_listed = np.concatenate([weights[order], np.zeros(len(filling))])
            differs = (np.diff(weight_of_listed) != 0) | (np.diff(num_events_N[listed]) != 0)
            rows_UK[user, : len(listed)] = listed
            scores_UK[user, : len(listed)] = -np.cumsum(np.concatenate([[0], differs]))[: len(listed)]
        return rows_UK, scores_UK

    def _own(self, item_rows_E: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """The distinct items of one history, and what the events of each add up to."""
        own, places_E = np.unique(item_rows_E, return_inverse=True)
        weights_E = self.age_decay ** np.arange(len(item_rows_E) - 1, -1, -1, dtype=np.float64)
        return own, np.bincount(places_E, weights=weights_E, minlength=len(own)).astype(np.float64)
