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
    positive_E = values_E > 0
    rows_E, columns_E, values_E = rows_E[positive_E], columns_E[positive_E], values_E[positive_E]
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
