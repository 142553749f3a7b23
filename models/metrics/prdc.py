"""Do generated features lie where real ones do, and everywhere where real ones do?

Precision and recall after Kynkäänniemi et al. (arXiv:1904.06991), density and coverage after Naeem et al.
(arXiv:2002.09797), all on balls that reach to each point's k-th nearest neighbour of its own kind.
"""

# R real, F fake (generated), D features

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

NEIGHBOURS: Final = 5
"""The neighbour that a ball reaches to."""


@dataclass(frozen=True, slots=True)
class Prdc:
    """1 is good for each of them; density may pass 1."""

    precision: float
    """Share of generated features inside some real ball."""
    recall: float
    """Share of real features inside some generated ball."""
    density: float
    """Real balls that a generated feature lies in, on average, over k."""
    coverage: float
    """Share of real balls with a generated feature inside: unlike recall, a few far-off generated ones do not help."""


def prdc(real_RD: NDArray[np.float32], fake_FD: NDArray[np.float32], k: int = NEIGHBOURS) -> Prdc:
    """All four, by Euclidean distance; a point on the edge of a ball is inside.

    Raises ValueError where a kind has fewer than k + 1 points: the k-th neighbour of some would not exist.
    """
    if min(len(real_RD), len(fake_FD)) <= k:
        raise ValueError(f"{len(real_RD)} real and {len(fake_FD)} generated features, each must be more than k = {k}")
    between_RF = _squared_distances(real_RD, fake_FD)
    in_real_ball_RF = between_RF <= _squared_radii(real_RD, k)[:, None]
    in_fake_ball_RF = between_RF <= _squared_radii(fake_FD, k)[None, :]
    return Prdc(
        precision=float(in_real_ball_RF.any(axis=0).mean()),
        recall=float(in_fake_ball_RF.any(axis=1).mean()),
        density=float(in_real_ball_RF.sum(axis=0).mean() / k),
        coverage=float(in_real_ball_RF.any(axis=1).mean()),
    )


def _squared_radii(points_RD: NDArray[np.float32], k: int) -> NDArray[np.float32]:
    """Squared distance of each point to its k-th nearest other."""
    squared_RR = _squared_distances(points_RD, points_RD)
    np.fill_diagonal(squared_RR, 0.0)
    radii_R: NDArray[np.float32] = np.partition(squared_RR, k, axis=1)[:, k]
    return radii_R


def _squared_distances(left_RD: NDArray[np.float32], right_FD: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths_R, lengths_F = (np.square(each).sum(axis=1) for each in (left_RD, right_FD))
    squared_RF: NDArray[np.float32] = lengths_R[:, None] + lengths_F[None, :] - 2 * left_RD @ right_FD.T
    return np.maximum(squared_RF, 0.0)
