"""One order from generator, neighbours and what was taken before; a judge, where there is one, orders its best."""

# B users, C candidates

from collections.abc import Callable
from copy import copy
from dataclasses import asdict, dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.domain.item_rows import NO_ITEM
from models.recommend.candidates import NUM_CANDIDATES, Candidates

_TINY: Final = 1e-6


@dataclass(frozen=True, slots=True)
class FusionWeights:
    """Chosen on validation events, stored in the manifest; the generator's weight is 1."""

    neighbours: float
    taken: float = 0.0
    """Of what the shopper took before, where that is listed again."""
    beside_judge: float = 0.0
    """Of the order that these make, beside the judge's verdict of 1."""

    def as_dict(self) -> dict[str, float]:
        """For the manifest."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Scale:
    """By what scores are standardised."""

    mean_B1: NDArray[np.float32]
    deviation_B1: NDArray[np.float32]

    @classmethod
    def over(cls, scores_BC: NDArray[np.float32], which_BC: NDArray[np.bool_]) -> "Scale":
        """The scale on which these scores have mean 0 and deviation 1."""
        count_B1 = np.maximum(which_BC.sum(axis=1, keepdims=True), 1)
        mean_B1 = np.where(which_BC, scores_BC, 0.0).sum(axis=1, keepdims=True) / count_B1
        variance_B1 = np.where(which_BC, (scores_BC - mean_B1) ** 2, 0.0).sum(axis=1, keepdims=True) / count_B1
        deviation_B1 = np.sqrt(variance_B1)
        # a single candidate leaves no spread to measure by: the scores keep their own unit
        return cls(mean_B1, np.where(deviation_B1 > _TINY, deviation_B1, 1.0))

    def standard(self, scores_BC: NDArray[np.float32]) -> NDArray[np.float32]:
        """The scores on this scale."""
        return np.asarray((scores_BC - self.mean_B1) / self.deviation_B1, np.float32)

    def of(self, user: int) -> "Scale":
        """One user's."""
        return Scale(self.mean_B1[user : user + 1], self.deviation_B1[user : user + 1])


class StandardScores:
    """Each source's scores on one scale, ready to be weighted.

    Generator and critic are standardised over the generator's best `NUM_CANDIDATES` outside of the history, neighbours
    are divided by their best: whatever is later left out of the list, what remains keeps its scores and so its order.
    """

    def __init__(self, candidates: Candidates) -> None:
        present_BC = candidates.rows_BC != NO_ITEM
        # what the shopper has is no yardstick, unless there is nothing else: training may never have asked for it
        proposed_BC = candidates.from_generator_BC | candidates.from_neighbours_BC
        is_new_BC = present_BC & ~candidates.in_history_BC & proposed_BC
        is_new_BC = np.where(is_new_BC.any(axis=1, keepdims=True), is_new_BC, present_BC)
        generator_BC = np.where(is_new_BC, candidates.generator_BC, -np.inf)
        best_BC = _among_best(generator_BC)
        near_BC = _among_best(np.where(is_new_BC & (candidates.neighbours_BC > 0), candidates.neighbours_BC, -np.inf))
        self.generator_best_BX = -np.sort(-generator_BC, axis=1)[:, :NUM_CANDIDATES]
        self.present_BC = present_BC
        self.liked_BC = best_BC | candidates.in_history_BC
        self.near_BC = near_BC | candidates.in_history_BC
        self.core_BC = self.liked_BC | self.near_BC | candidates.from_taken_BC
        """The best of each source and the history: who these are does not depend on how many proposals were fetched."""
        self.generator_scale = Scale.over(candidates.generator_BC, best_BC)
        self._critic_scale: Callable[[], Scale] = cache(lambda: Scale.over(candidates.critic_BC, best_BC))
        self.neighbours_top_B1 = np.maximum(candidates.neighbours_BC.max(axis=1, keepdims=True), _TINY)
        self._standardise(candidates)

    def of_more(self, user: int, more: Candidates) -> "StandardScores":
        """Candidates of one user that were found later, on the scale of these."""
        scores = copy(self)
        scores.generator_scale = self.generator_scale.of(user)
        scores._critic_scale = lambda: self._critic_scale().of(user)
        scores.neighbours_top_B1 = self.neighbours_top_B1[user : user + 1]
        scores.generator_best_BX = self.generator_best_BX[user : user + 1]
        scores.present_BC = more.rows_BC != NO_ITEM
        scores.core_BC = scores.liked_BC = scores.near_BC = np.zeros_like(scores.present_BC)
        scores._standardise(more)
        return scores

    def _standardise(self, candidates: Candidates) -> None:
        self.generator_BC = self.generator_scale.standard(candidates.generator_BC)
        self._candidates = candidates
        self.neighbours_BC = candidates.neighbours_BC / self.neighbours_top_B1

    @property
    def critic_BC(self) -> NDArray[np.float32]:
        """The critic's; nobody but the judge asks for them."""
        return self._critic_scale().standard(self._candidates.critic_BC)

    def fused(self, weights: FusionWeights) -> NDArray[np.float32]:
        """Weighted sums [B, C]; -inf where there is no candidate."""
        total_BC = self.generator_BC + weights.neighbours * self.neighbours_BC
        if weights.taken:
            total_BC = total_BC + weights.taken * self._candidates.taken_BC
        # else the largest sums would all round to a score of 1
        total_BC = total_BC / (max(1.0, weights.neighbours / 8.0) + weights.taken)
        return np.where(self.present_BC, total_BC, -np.inf).astype(np.float32)


def as_score(fused: NDArray[np.float32]) -> NDArray[np.float32]:
    """Fused values on (0, 1): the logistic of half, so that three deviations above the mean is .82."""
    return np.asarray(1.0 / (1.0 + np.exp(-fused / 2.0)), np.float32)


def _among_best(scores_BC: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which scores are among their row's `NUM_CANDIDATES` highest; -inf never is."""
    kth = min(NUM_CANDIDATES, scores_BC.shape[1]) - 1
    kth_B1 = -np.partition(-scores_BC, kth, axis=1)[:, kth : kth + 1]
    among_BC: NDArray[np.bool_] = (scores_BC >= kth_B1) & np.isfinite(scores_BC)
    return among_BC
