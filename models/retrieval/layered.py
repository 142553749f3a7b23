"""An index that was built once, with what changed since beside it: one answer, as if it were one index."""

# B queries, N items, D features, K nearest, A rows beside the base

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.domain.layered_rows import LayeredRows
from models.retrieval.exact import ExactIndex
from models.retrieval.index import VectorIndex


@dataclass(frozen=True, slots=True, eq=False)
class LayeredIndex:
    """The base finds what it always had and what is still so; what was replaced or appended is scored one by one."""

    base: VectorIndex
    features_ND: LayeredRows
    is_gone_N: NDArray[np.bool_]
    """Rows that no search finds any more."""

    @property
    def num_items(self) -> int:
        """Items that can be found."""
        return int((~self.is_gone_N).sum())

    def search(
        self, queries_BD: NDArray[np.float32], k: int, allowed_N: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """As `VectorIndex` says."""
        found_N = ~self.is_gone_N if allowed_N is None else allowed_N & ~self.is_gone_N
        beside_A = self.features_ND.layered
        in_base_N = found_N[: len(self.features_ND.base)].copy()
        in_base_N[beside_A[beside_A < len(in_base_N)]] = False
        rows_BK, scores_BK = self.base.search(queries_BD, k, None if in_base_N.all() else in_base_N)
        found_A = found_N[beside_A]
        num_beside = int(found_A.sum())
        if not num_beside:
            return rows_BK, scores_BK
        near = ExactIndex(self.features_ND.delta)
        places_BK, near_BK = near.search(
            queries_BD, min(k, num_beside), None if num_beside == len(beside_A) else found_A
        )
        rows = np.concatenate([rows_BK, beside_A[places_BK]], axis=1)
        scores = np.concatenate([scores_BK, near_BK], axis=1)
        best_BK = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(rows, best_BK, axis=1), np.take_along_axis(scores, best_BK, axis=1)
