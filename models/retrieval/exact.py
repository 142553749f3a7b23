"""The slow, obvious index: every query meets every item."""

# B queries, N items, A allowed items, D features, K nearest

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.domain.item_rows import NO_ITEM
from models.retrieval.metric import InnerProduct

QUERIES_PER_BLOCK: Final = 256
"""Bounds the similarities that lie in memory at once: 100 MB for 100,000 items."""


@dataclass(frozen=True, slots=True)
class ExactIndex:
    """Exact in any size; of equally near items the one with the lower row comes first."""

    item_features_ND: NDArray[np.float32]

    @property
    def num_items(self) -> int:
        """Number of items."""
        return len(self.item_features_ND)

    def search(
        self, queries_BD: NDArray[np.float32], k: int, allowed_N: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """As `VectorIndex` says."""
        rows_A = np.arange(self.num_items) if allowed_N is None else np.flatnonzero(allowed_N)
        features_AD = self.item_features_ND if allowed_N is None else self.item_features_ND[rows_A]
        rows_BK = np.full((len(queries_BD), k), NO_ITEM, np.int32)
        scores_BK = np.full((len(queries_BD), k), -np.inf, np.float32)
        found = min(k, len(rows_A))
        for start in range(0, len(queries_BD), QUERIES_PER_BLOCK):
            block = slice(start, start + QUERIES_PER_BLOCK)
            similarity_BA = InnerProduct.similarity(queries_BD[block], features_AD)
            order_BK = np.argsort(-similarity_BA, axis=1, kind="stable")[:, :found]
            rows_BK[block, :found] = rows_A[order_BK]
            scores_BK[block, :found] = np.take_along_axis(similarity_BA, order_BK, axis=1)
        return rows_BK, scores_BK
