"""The best K of each row of a sparse matrix."""

# B rows, E stored entries, K places

import numpy as np
from numpy.typing import NDArray

from models.domain.item_rows import NO_ITEM


def best_of_rows(
    offsets_B1: NDArray[np.int64], columns_E: NDArray[np.int32], values_E: NDArray[np.float32], k: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Columns [B, K], largest value first and lower column first among equals, -1 beyond the last; and their values.

    Row b owns `offsets_B1[b]:offsets_B1[b + 1]`. Only values above zero count; beyond the last, the value is 0.
    """
    num_rows = len(offsets_B1) - 1
    rows_E = np.repeat(np.arange(num_rows), np.diff(offsets_B1))
    kept_E = (values_E > 0) & _may_be_best(offsets_B1, values_E, k)
    rows_E, columns_E, values_E = rows_E[kept_E], columns_E[kept_E], values_E[kept_E]
    order_E = np.lexsort((columns_E, -values_E, rows_E))
    rows_E = rows_E[order_E]
    first_B = np.searchsorted(rows_E, np.arange(num_rows))
    places_E = np.arange(len(rows_E)) - first_B[rows_E]
    kept_E = places_E < k
    best_BK = np.full((num_rows, k), NO_ITEM, np.int32)
    values_BK = np.zeros((num_rows, k), np.float32)
    best_BK[rows_E[kept_E], places_E[kept_E]] = columns_E[order_E][kept_E]
    values_BK[rows_E[kept_E], places_E[kept_E]] = values_E[order_E][kept_E]
    return best_BK, values_BK


def _may_be_best(offsets_B1: NDArray[np.int64], values_E: NDArray[np.float32], k: int) -> NDArray[np.bool_]:
    """False for values below their row's k-th largest: sorting whole rows costs many times as much."""
    may_E = np.ones(len(values_E), np.bool_)
    lengths_B = np.diff(offsets_B1)
    for row in np.flatnonzero(lengths_B > 2 * k):
        entries = slice(offsets_B1[row], offsets_B1[row + 1])
        values = values_E[entries]
        may_E[entries] = values >= np.partition(values, len(values) - k)[len(values) - k]
    return may_E
