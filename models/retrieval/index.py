"""What every index of item features can do."""

# B queries, N items, D features, K nearest

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class VectorIndex(Protocol):
    """Item features that can be asked for the nearest, by `models.retrieval.metric.InnerProduct`."""

    @property
    def num_items(self) -> int:
        """Items that can be found."""

    def search(
        self, queries_BD: NDArray[np.float32], k: int, allowed_N: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Item rows [B, K], nearest first and distinct, and their similarities; NO_ITEM and -inf beyond the last.

        Only items that `allowed_N` says, all where it is None: left out before the search, not after it.
        """
