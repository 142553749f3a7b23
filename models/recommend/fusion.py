"""One order from three scores: generator, neighbours, critic."""

# B users, C candidates

from dataclasses import asdict, dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from models.domain.item_rows import NO_ITEM
from models.recommend.candidates import NUM_CANDIDATES, Candidates

Stage = Literal["generator", "fused", "judged"]
"""How much of the system orders the list: the generator alone, with the neighbours, and with the critic too."""

_TINY: Final = 1e-6


@dataclass(frozen=True, slots=True)
class FusionWeights:
    """Chosen on validation events, stored in the manifest; the generator's weight is 1."""

    neighbours: float
    critic: float

    def as_dict(self) -> dict[str, float]:
        """For the manifest."""
        return asdict(self)


class StandardScores:
    """Each source's scores on one scale, ready to be weighted.

    Generator and critic are standardised over the generator's best `NUM_CANDIDATES`, neighbours are divided by their
    best: whatever is later left out of the list, what remains keeps its scores and so its order.
    """

    def __init__(self, candidates: Candidates) -> None:
        present_BC = candidates.rows_BC != NO_ITEM
        generator_BC = np.where(present_BC, candidates.generator_BC, -np.inf)
        num_best = min(NUM_CANDIDATES, generator_BC.shape[1])
        kth_B1 = -np.partition(-generator_BC, num_best - 1, axis=1)[:, num_best - 1 : num_best]
        best_BC = (generator_BC >= kth_B1) & present_BC
        self.present_BC = present_BC
        self.generator_BC = _standardised(candidates.generator_BC, best_BC)
        self.critic_BC = _standardised(candidates.critic_BC, best_BC)
        top_B1 = candidates.neighbours_BC.max(axis=1, keepdims=True)
        self.neighbours_BC = candidates.neighbours_BC / np.maximum(top_B1, _TINY)

    def fused(self, weights: FusionWeights) -> NDArray[np.float32]:
        """Weighted sums [B, C]; -inf where there is no candidate."""
        total_BC = self.generator_BC + weights.neighbours * self.neighbours_BC + weights.critic * self.critic_BC
        return np.where(self.present_BC, total_BC, -np.inf).astype(np.float32)


def weights_of(stage: Stage, weights: FusionWeights) -> FusionWeights:
    """The weights with the sources of later stages silenced."""
    match stage:
        case "generator":
            return FusionWeights(neighbours=0.0, critic=0.0)
        case "fused":
            return FusionWeights(neighbours=weights.neighbours, critic=0.0)
        case "judged":
            return weights


def as_score(fused: NDArray[np.float32]) -> NDArray[np.float32]:
    """Fused values on (0, 1): the logistic of half, so that three deviations above the mean is .82."""
    return np.asarray(1.0 / (1.0 + np.exp(-fused / 2.0)), np.float32)


def _standardised(scores_BC: NDArray[np.float32], over_BC: NDArray[np.bool_]) -> NDArray[np.float32]:
    count_B1 = np.maximum(over_BC.sum(axis=1, keepdims=True), 1)
    mean_B1 = np.where(over_BC, scores_BC, 0.0).sum(axis=1, keepdims=True) / count_B1
    variance_B1 = np.where(over_BC, (scores_BC - mean_B1) ** 2, 0.0).sum(axis=1, keepdims=True) / count_B1
    return np.asarray((scores_BC - mean_B1) / np.maximum(np.sqrt(variance_B1), _TINY), np.float32)
