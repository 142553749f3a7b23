"""How sure a mean is, and a difference of means: bootstrap over users."""

# U users, R resamples

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

NUM_RESAMPLES: Final = 1_000
CONFIDENCE: Final = 0.95


class Difference(NamedTuple):
    """Of two means over the same users."""

    mean: float
    low: float
    """Of the 95 % interval; 0 outside it means a real difference."""
    high: float

    def __neg__(self) -> "Difference":
        return Difference(-self.mean, -self.high, -self.low)


def mean_interval(values_U: NDArray[np.float64], seed: int) -> tuple[float, float]:
    """The 95 % percentile interval of the mean."""
    return _percentiles(_resampled_means(values_U, seed))


def paired_difference(values_U: NDArray[np.float64], other_U: NDArray[np.float64], seed: int) -> Difference:
    """Of `values` − `other`, over the same users."""
    if len(values_U) != len(other_U):
        raise ValueError(f"{len(values_U)} users against {len(other_U)}: a pair needs the same users")
    differences_U = values_U - other_U
    return Difference(float(differences_U.mean()), *_percentiles(_resampled_means(differences_U, seed)))


def _resampled_means(values_U: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Means [R] of R resamples; users of equal value are drawn together, which is exact and fast."""
    distinct, counts = np.unique(values_U, return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(len(values_U), counts / len(values_U), size=NUM_RESAMPLES)
    means_R: NDArray[np.float64] = drawn @ distinct / len(values_U)
    return means_R


def _percentiles(means_R: NDArray[np.float64]) -> tuple[float, float]:
    outside = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means_R, [outside, 1 - outside])
    return float(low), float(high)
