"""The slow, obvious index: every query meets every item."""

# B queries, N items, D features, K nearest

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.domain.item_rows import NO_ITEM
from models.domain.layered_rows import Rows, of_each
from models.retrieval.metric import InnerProduct

QUERIES_PER_BLOCK: Final = 64
"""Bounds the similarities that lie in memory at once: 25 MB for 100,000 items."""


@dataclass(frozen=True, slots=True)
class ExactIndex:
    """Exact in any size; of equally near items the one with the lower row comes first."""

    item_features_ND: Rows

    @property
    def num_items(self) -> int:
        """Number of items."""
        return len(self.item_features_ND)

    def search(
        self, queries_BD: NDArray[np.float32], k: int, allowed_N: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """As `VectorIndex` says."""
        rows_BK = np.full((len(queries_BD), k), NO_ITEM, np.int32)
        scores_BK = np.full((len(queries_BD), k), -np.inf, np.float32)
        found = min(k, self.num_items if allowed_N is None else int(allowed_N.sum()))
        for start in range(0, len(queries_BD), QUERIES_PER_BLOCK):
            for query, similarity_N in enumerate(
                self._similarity(queries_BD[start : start + QUERIES_PER_BLOCK]), start
            ):
                if allowed_N is not None:
                    similarity_N[~allowed_N] = -np.inf
                nearest = _nearest(similarity_N, found)
                rows_BK[query, :found], scores_BK[query, :found] = nearest, similarity_N[nearest]
        return rows_BK, scores_BK

    def _similarity(self, queries_BD: NDArray[np.float32]) -> NDArray[np.float32]:
        return of_each(self.item_features_ND, lambda features_XD: InnerProduct.similarity(queries_BD, features_XD))


def _nearest(similarity_N: NDArray[np.float32], num: int) -> NDArray[np.int64]:
    """The `num` best rows in their order; no more of them are sorted than are as good as the last."""
    if not num:
        return np.empty(0, np.int64)
    last = len(similarity_N) - num
    rows_X = np.flatnonzero(similarity_N >= np.partition(similarity_N, last)[last])
    return rows_X[np.argsort(-similarity_N[rows_X], kind="stable")[:num]]
