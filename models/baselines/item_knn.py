"""Item-based nearest neighbours: what is taken shortly after (or before) an item, in everybody's histories."""

# U users, E events, N items, B users of a block, H events that count, K places

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from models.baselines.best_of_rows import best_of_rows
from models.baselines.popularity import Popularity, first_without
from models.data.sequences import Sequences
from models.domain.item_rows import NO_ITEM

if TYPE_CHECKING:
    from scipy.sparse import csr_array

USERS_PER_BLOCK: Final = 512
"""Bounds the scores that lie in memory at once."""


@dataclass(frozen=True, slots=True)
class ItemKnnConfig:
    """The usual settings; statistics of training events only, the test history holds the validation item."""

    window: int = 10
    """Events further apart than this do not count as together."""
    backward: float = 0.5
    """Weight of what came before an item, relative to what came after it."""
    shrink: float = 5.0
    """Added to both items' counts before dividing by the root of their product: rare pairs say little."""
    num_kept: int | None = None
    """Pairs that each item keeps, the strongest; None keeps all, which makes the stronger rival."""
    history_window: int = 10
    """The newest events of a history that count."""
    age_decay: float = 0.8
    """An event counts this much less than the one after it."""


@dataclass(frozen=True, slots=True)
class ItemKnn:
    """The usual ranker; what serves is `Mixture`, tuned and with content."""

    similarity_NN: "csr_array"
    """Row: an item of the history; column: what it speaks for. Not symmetric."""
    popularity: Popularity
    """Of the training events: what fills a list up where co-occurrence has no more to say."""
    config: ItemKnnConfig
    name: str = "item-knn"

    @classmethod
    def fit(cls, train: Sequences, num_items: int, config: ItemKnnConfig = ItemKnnConfig()) -> "ItemKnn":
        """Pairs of training events at distance d ≤ window count 1/d, both directions, normalised by training counts."""
        from scipy.sparse import csr_array, diags_array

        forward_NN = csr_array((num_items, num_items), dtype=np.float32)
        users_E, items_E = train.users_of_events_E(), train.item_rows_E
        # one distance after the other: all at once would take ten times the memory
        for distance in range(1, config.window + 1):
            together_E = users_E[distance:] == users_E[:-distance]
            earlier, later = items_E[:-distance][together_E], items_E[distance:][together_E]
            weights = np.full(len(earlier), 1.0 / distance, np.float32)
            forward_NN = forward_NN + csr_array((weights, (earlier, later)), shape=forward_NN.shape)
        popularity = Popularity.fit(train, num_items)
        # an item without events has no pairs to divide
        counts_N = np.maximum(popularity.num_events_N, 1)
        scale_NN = diags_array(((counts_N + config.shrink) ** -0.5).astype(np.float32))
        both_NN = forward_NN + np.float32(config.backward) * forward_NN.T
        similarity_NN = csr_array(scale_NN @ both_NN @ scale_NN)
        if config.num_kept is not None:
            similarity_NN = _strongest(similarity_NN, config.num_kept)
        return cls(similarity_NN, popularity, config)

    @property
    def num_items(self) -> int:
        """Number of items."""
        return int(self.similarity_NN.shape[0])

    def rank(
        self, histories: Sequences, k: int, *, exclude_seen: bool
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Item rows [U, K], best of all items first, and scores; -1 and 0 where no item is left.

        Behind the items that the history speaks for stand the most popular others, with scores below 0: a shopper
        without a history gets what is popular.
        """
        rows_UK = np.empty((histories.num_users, k), np.int32)
        scores_UK = np.empty((histories.num_users, k), np.float32)
        for start in range(0, histories.num_users, USERS_PER_BLOCK):
            users = np.arange(start, min(start + USERS_PER_BLOCK, histories.num_users))
            block = histories.take_users(users)
            scores_BN = self._query(block) @ self.similarity_NN
            if exclude_seen:
                scores_BN = scores_BN - scores_BN * self._seen(block)
            offsets_B1 = scores_BN.indptr.astype(np.int64)
            rows_UK[users], scores_UK[users] = best_of_rows(offsets_B1, scores_BN.indices, scores_BN.data, k)
        self._fill_up(rows_UK, scores_UK, histories, exclude_seen=exclude_seen)
        return rows_UK, scores_UK

    def _fill_up(
        self, rows_UK: NDArray[np.int32], scores_UK: NDArray[np.float32], histories: Sequences, *, exclude_seen: bool
    ) -> None:
        """Popular items into the empty places, in place; scored by their counts, so that equal counts tie."""
        order_N = self.popularity.order_N()
        num_events_N = self.popularity.num_events_N
        below_zero_N = num_events_N - num_events_N.max(initial=0) - 1
        num_listed_U = (rows_UK != NO_ITEM).sum(axis=1)
        for user in map(int, np.flatnonzero(num_listed_U < rows_UK.shape[1])):
            num_listed = int(num_listed_U[user])
            taken = rows_UK[user, :num_listed]
            if exclude_seen:
                taken = np.union1d(taken, histories.items_of(user))
            filling = first_without(order_N, taken, rows_UK.shape[1] - num_listed)
            places = slice(num_listed, num_listed + len(filling))
            rows_UK[user, places] = filling
            scores_UK[user, places] = below_zero_N[filling]

    def _query(self, histories: Sequences) -> "csr_array":
        """The newest events of each user, weighted by age."""
        from scipy.sparse import csr_array

        age_E = np.repeat(histories.offsets_U1[1:], histories.lengths_U) - np.arange(histories.num_events) - 1
        recent = histories.take_events(age_E < self.config.history_window)
        age_H = age_E[age_E < self.config.history_window]
        weights_H = (self.config.age_decay**age_H).astype(np.float32)
        return csr_array(
            (weights_H, (recent.users_of_events_E(), recent.item_rows_E)), shape=(histories.num_users, self.num_items)
        )

    def _seen(self, histories: Sequences) -> "csr_array":
        """1 at every item of a history, however often it is there."""
        from scipy.sparse import csr_array

        ones_E = np.ones(histories.num_events, np.float32)
        pairs = (histories.users_of_events_E(), histories.item_rows_E)
        seen_BN = csr_array((ones_E, pairs), shape=(histories.num_users, self.num_items))
        seen_BN.data[:] = 1.0
        return seen_BN


def _strongest(similarity_NN: "csr_array", num_kept: int) -> "csr_array":
    """Each row's largest entries."""
    from scipy.sparse import csr_array

    rows_NM, weights_NM = best_of_rows(
        similarity_NN.indptr.astype(np.int64), similarity_NN.indices, similarity_NN.data, num_kept
    )
    present_NM = rows_NM != NO_ITEM
    return csr_array(
        (weights_NM[present_NM], (np.nonzero(present_NM)[0], rows_NM[present_NM])), shape=similarity_NN.shape
    )
