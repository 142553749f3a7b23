"""EASE: one linear item-to-item model in closed form (Steck, arXiv:1905.03375)."""

# U users, N items, B users of a block, K places

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from models.baselines.dense_ranking import rank_by_scores
from models.baselines.popularity import Popularity
from models.data.sequences import Sequences
from models.domain.errors import SettingsRefused

if TYPE_CHECKING:
    from scipy.sparse import csr_array

MAX_ITEMS: Final = 20_000
"""The matrix is dense, and two of it lie in memory while the best is chosen: 3.2 GB at this size."""
CHEAP_ITEMS: Final = 6_000
"""Up to this many it takes seconds."""


@dataclass(frozen=True, slots=True)
class Ease:
    """Weights from each item of a history to every other."""

    weights_NN: NDArray[np.float32]
    """The diagonal is 0: no item explains itself."""
    popularity: Popularity
    name: str = "ease"

    @classmethod
    def fit(cls, train: Sequences, num_items: int, regularisation: float) -> "Ease":
        """Ridge regression of every item on all others (eq. 8); raises SettingsRefused beyond `MAX_ITEMS`."""
        if num_items > MAX_ITEMS:
            raise SettingsRefused(
                f"system ease holds a dense matrix of all pairs of items: {num_items:,} items are more than the"
                f" {MAX_ITEMS:,} that it is fitted on"
            )
        from scipy.linalg import lapack

        taken_UN = _taken(train, num_items)
        gram_NN = (taken_UN.T @ taken_UN).toarray(order="F")
        gram_NN[np.diag_indices(num_items)] += np.float32(regularisation)
        # Cholesky in place: half of the work and memory of a general inverse
        factor_NN, failed = lapack.spotrf(gram_NN, lower=True, overwrite_a=True)
        assert failed == 0, "a Gram matrix with a ridge is positive definite"
        lower_NN, failed = lapack.spotri(factor_NN, lower=True, overwrite_c=True)
        assert failed == 0
        # the transpose of a symmetric matrix in columns is itself in rows, which is how it is read
        weights_NN = lower_NN.T
        for item in range(num_items):
            weights_NN[item + 1 :, item] = weights_NN[item, item + 1 :]
        weights_NN /= -np.diag(weights_NN).copy()
        weights_NN[np.diag_indices(num_items)] = 0.0
        return cls(weights_NN, Popularity.fit(train, num_items))

    def rank(
        self, histories: Sequences, k: int, *, exclude_seen: bool
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """As `rank_by_scores` says."""
        return rank_by_scores(self._scores, histories, k, self.popularity, exclude_seen=exclude_seen)

    def _scores(self, histories: Sequences) -> NDArray[np.float32]:
        return np.asarray(_taken(histories, len(self.weights_NN)) @ self.weights_NN, np.float32)


def _taken(sequences: Sequences, num_items: int) -> "csr_array":
    """1 where the user took the item, however often [U, N]."""
    from scipy.sparse import csr_array

    pairs = (sequences.users_of_events_E(), sequences.item_rows_E)
    ones_E = np.ones(sequences.num_events, np.float32)
    taken_UN = csr_array((ones_E, pairs), shape=(sequences.num_users, num_items))
    taken_UN.data[:] = 1.0
    return taken_UN
