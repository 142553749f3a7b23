"""User and item row in one number, so that a whole batch is sorted and looked up at once."""

# B users, X rows

from typing import Final

import numpy as np
from numpy.typing import NDArray

HALF: Final = np.uint64(32)


def row_keys(rows_BX: NDArray[np.int32] | NDArray[np.uint32]) -> NDArray[np.uint64]:
    """One number per (user, row); no row (-1) comes after every row of its user."""
    return np.arange(len(rows_BX), dtype=np.uint64)[:, None] << HALF | unsigned(rows_BX)


def unsigned(rows: NDArray[np.int32] | NDArray[np.uint32]) -> NDArray[np.uint64]:
    """The rows as numbers of which no row is the largest."""
    return rows.view(np.uint32).astype(np.uint64)
