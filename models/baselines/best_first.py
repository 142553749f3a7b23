"""Largest first, by numbers that a processor sorts many times as fast as pairs: value and column in one."""

# B rows, C columns

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.domain.item_rows import NO_ITEM

_HALF: Final = np.uint64(32)
_SIGN: Final = np.uint32(0x80000000)


def best_first(values_BC: NDArray[np.float32]) -> NDArray[np.int64]:
    """Columns [B, C] of each row, largest value first, lower column first among equals; -inf comes last."""
    keys_BC = _falling(values_BC) << _HALF | np.arange(values_BC.shape[1], dtype=np.uint64)
    keys_BC.sort(axis=1)
    return keys_BC.astype(np.uint32).astype(np.int64)


def best_items(
    lines_X: NDArray[np.integer[Any]], rows_X: NDArray[np.int32], values_X: NDArray[np.float32], num_lines: int, k: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The best k items of each line, largest value first, lower row first among equals, and their values.

    `lines_X` ascend. Beyond the last item the row is -1 and the value 0. No value is below zero.
    """
    counts = np.bincount(lines_X, minlength=num_lines)
    places_X = np.arange(len(lines_X)) - np.repeat(np.cumsum(counts) - counts, counts)
    # all ones: after every item, and the row of none
    keys = np.full((num_lines, max(k, int(counts.max(initial=0)))), np.iinfo(np.uint64).max)
    keys[lines_X, places_X] = _falling(values_X) << _HALF | rows_X.astype(np.uint64)
    keys.sort(axis=1)
    keys = keys[:, :k]
    rows = keys.astype(np.uint32).view(np.int32)
    values = _SIGN - np.uint32(1) - (keys >> _HALF).astype(np.uint32)
    return rows, np.where(rows == NO_ITEM, np.float32(0.0), values.view(np.float32))


def _falling(values: NDArray[np.float32]) -> NDArray[np.uint64]:
    """Whole numbers below 2^32, the smaller the larger the value.

    The bits of numbers above zero ascend as the numbers do, those of numbers below zero the other way round.
    """
    bits = (np.asarray(values, np.float32) + np.float32(0.0)).view(np.uint32)  # zero has one sign afterwards
    return np.where(bits >= _SIGN, bits, _SIGN - np.uint32(1) - bits).astype(np.uint64)
