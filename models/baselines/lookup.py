"""Stored values of a sparse matrix, asked for by their places."""

# N items, E stored entries, X places asked for

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.domain.item_rows import NO_ITEM

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True, slots=True)
class Lookup:
    """Stored values by their places."""

    keys_E: NDArray[np.int64]
    values_E: NDArray[np.float32]
    num_columns: int

    @classmethod
    def of(cls, values_NN: "csr_array") -> "Lookup":
        """Of a sparse matrix."""
        values_NN = values_NN.tocsr().copy()
        values_NN.sum_duplicates()
        num_rows, num_columns = values_NN.shape
        rows_E = np.repeat(np.arange(num_rows, dtype=np.int64), np.diff(values_NN.indptr))
        return cls(rows_E * num_columns + values_NN.indices, np.asarray(values_NN.data, np.float32), num_columns)

    def at(self, rows_X: NDArray[np.int32], columns_X: NDArray[np.int32]) -> NDArray[np.float32]:
        """The values of these places, 0 where nothing is stored, and where there is no item."""
        if len(self.keys_E) == 0:
            return np.zeros(len(rows_X), np.float32)
        keys_X = rows_X * np.int64(self.num_columns) + columns_X
        found_X = np.minimum(np.searchsorted(self.keys_E, keys_X), len(self.keys_E) - 1)
        stored_X = (self.keys_E[found_X] == keys_X) & (rows_X > NO_ITEM) & (columns_X > NO_ITEM)
        return np.where(stored_X, self.values_E[found_X], np.float32(0.0))
