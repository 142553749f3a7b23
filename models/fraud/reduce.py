"""Figures of each stretch of a flat array."""

# B stretches, E entries of all of them

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32] | NDArray[np.float64]


def sums(values_E: Floats, offsets_B1: NDArray[np.int64]) -> NDArray[np.float64]:
    """Of each stretch [B], 0 of an empty one; entries may have more axes."""
    nothing = np.zeros((1, *values_E.shape[1:]))
    total_E1 = np.concatenate([nothing, np.cumsum(values_E, axis=0, dtype=np.float64)])
    summed: NDArray[np.float64] = total_E1[offsets_B1[1:]] - total_E1[offsets_B1[:-1]]
    return summed


def means(values_E: Floats, offsets_B1: NDArray[np.int64]) -> NDArray[np.float64]:
    """Of each stretch, 0 of an empty one."""
    lengths_B = np.maximum(np.diff(offsets_B1), 1)
    return sums(values_E, offsets_B1) / lengths_B.reshape(-1, *[1] * (values_E.ndim - 1))


def deviations(values_E: Floats, offsets_B1: NDArray[np.int64]) -> NDArray[np.float64]:
    """Standard deviation of each stretch."""
    values_E = values_E.astype(np.float64)
    variance_B = means(np.square(values_E), offsets_B1) - np.square(means(values_E, offsets_B1))
    deviation_B: NDArray[np.float64] = np.sqrt(np.maximum(variance_B, 0.0))
    return deviation_B


def smallest(values_E: Floats, offsets_B1: NDArray[np.int64], place: int, missing: float) -> NDArray[np.float64]:
    """The smallest of each stretch (`place` 0), the one after that (1) …; `missing` where it has fewer."""
    lengths_B = np.diff(offsets_B1)
    of_E = np.repeat(np.arange(len(lengths_B)), lengths_B)
    sorted_E = values_E[np.lexsort((values_E, of_E))]
    there_B = lengths_B > place
    found_B = np.full(len(lengths_B), missing)
    found_B[there_B] = sorted_E[offsets_B1[:-1][there_B] + place]
    return found_B


def distinct(numbers_E: NDArray[np.int64] | NDArray[np.int32], offsets_B1: NDArray[np.int64]) -> NDArray[np.float64]:
    """How many different numbers each stretch holds."""
    lengths_B = np.diff(offsets_B1)
    of_E = np.repeat(np.arange(len(lengths_B)), lengths_B)
    pairs = np.unique(np.stack([of_E, numbers_E], axis=1), axis=0)
    return np.bincount(pairs[:, 0], minlength=len(lengths_B)).astype(np.float64)
