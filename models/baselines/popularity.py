"""Popularity: the same most-taken items for everyone."""

# N items, K places

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.baselines.ranking import Ranking, top_k
from models.data.sequences import Sequences

USERS_PER_CHUNK = 512


@dataclass(frozen=True, slots=True)
class Popularity:
    """Items by number of events."""

    num_events_N: NDArray[np.int64]
    name: str = "popularity"

    @classmethod
    def fit(cls, train: Sequences, num_items: int) -> "Popularity":
        """Counts of the training events."""
        return cls(np.bincount(train.item_rows_E, minlength=num_items))

    def rank(self, histories: Sequences, k: int, exclude_seen: bool) -> Ranking:
        """The k most popular items that each history lacks, or just the k most popular."""
        chunks = []
        for start in range(0, histories.num_users, USERS_PER_CHUNK):
            users = np.arange(start, min(start + USERS_PER_CHUNK, histories.num_users))
            part = histories.take_users(users)
            scores_BN = np.repeat(self.num_events_N[None].astype(np.float64), len(users), axis=0)
            if exclude_seen:
                scores_BN[part.users_of_events_E(), part.item_rows_E] = -np.inf
            chunks.append(top_k(scores_BN, k))
        return Ranking.concatenate(chunks, k)
