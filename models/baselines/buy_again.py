"""Buy again: what the shopper took before, often and lately; nothing is learned from anybody else but popularity."""

# U users, K places

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.baselines.popularity import Popularity, first_without
from models.data.baskets import basket_numbers
from models.data.sequences import Sequences
from models.domain.item_rows import NO_ITEM

USUAL_AGE_DECAY: Final = 0.95


@dataclass(frozen=True, slots=True)
class BuyAgain:
    """Own items by the decayed count of the baskets that hold them, then what is popular."""

    popularity: Popularity
    age_decay: float = USUAL_AGE_DECAY
    """A basket counts this much less than the one after it."""
    name: str = "buy-again"

    @classmethod
    def fit(cls, train: Sequences, num_items: int) -> "BuyAgain":
        """Counts of the training events break ties and fill lists up."""
        return cls(Popularity.fit(train, num_items))

    def decaying(self, age_decay: float) -> "BuyAgain":
        """The same with older baskets counting more or less."""
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
        baskets_E = basket_numbers(histories.users_of_events_E(), histories.timestamps_E)
        for user in range(histories.num_users):
            of_user = slice(*histories.offsets_U1[user : user + 2])
            own, weights = self._own(histories.item_rows_E[of_user], baskets_E[of_user])
            order = np.lexsort((own, -num_events_N[own], -weights))[:k]
            filling = first_without(order_N, own, k - len(order))
            listed = np.concatenate([own[order], filling])
            weight_of_listed = np.concatenate([weights[order], np.zeros(len(filling))])
            differs = (np.diff(weight_of_listed) != 0) | (np.diff(num_events_N[listed]) != 0)
            rows_UK[user, : len(listed)] = listed
            scores_UK[user, : len(listed)] = -np.cumsum(np.concatenate([[0], differs]))[: len(listed)]
        return rows_UK, scores_UK

    def _own(
        self, item_rows_E: NDArray[np.int32], baskets_E: NDArray[np.int64]
    ) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """The distinct items of one history, and what the baskets of each add up to; twice in one counts once."""
        own, places_E = np.unique(item_rows_E, return_inverse=True)
        num_baskets = int(baskets_E.max(initial=-1)) + 1
        place_P, basket_P = np.divmod(np.unique(places_E * num_baskets + baskets_E), max(1, num_baskets))
        weights_P = self.age_decay ** (num_baskets - 1.0 - basket_P)
        return own, np.bincount(place_P, weights=weights_P, minlength=len(own)).astype(np.float64)
