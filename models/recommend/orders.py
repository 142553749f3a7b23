"""The total order of each stage: one value for each item, whatever else is listed or left out."""

# B users, C candidates, S shortlisted

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from models.features.histories import HistoryBatch
from models.recommend.candidates import Candidates, RunsNetwork
from models.recommend.fusion import FusionWeights, StandardScores
from models.recommend.judging import Shortlist, Verdicts, below, judge_below, judge_first
from models.recommend.proposal import Proposal

BY_GENERATOR_ALONE: Final = FusionWeights(neighbours=0.0)
NOWHERE: Final = np.float32(-np.inf)
SPREAD_OF_SHARES: Final = 0.25
"""Of numbers between 0 and 1."""


class Order(Protocol):
    """The order of one stage, for the users of one proposal."""

    @property
    def spread(self) -> float:
        """What counts as one deviation."""

    @property
    def values_BC(self) -> NDArray[np.float32]:
        """Of the proposal's candidates; -inf where this order places one only when it is asked for more."""

    def of_more(self, user: int, more: Candidates) -> NDArray[np.float32]:
        """Values [1, C] of one user's further candidates, on the same scale; -inf where one has no place."""


class Stated(Protocol):
    """What a stage says of candidates; -inf where it places none."""

    def __call__(self, candidates: Candidates, scores: StandardScores, /) -> NDArray[np.float32]:
        """Values [B, C]."""


@dataclass(frozen=True, slots=True)
class StatedOrder:
    """By a score of the sources: the best of the sources first, and everything else below it, by the same score."""

    stated: Stated
    scores: StandardScores
    spread: float
    lowest_B1: NDArray[np.float32]
    values_BC: NDArray[np.float32]

    @classmethod
    def of(cls, proposal: Proposal, first_BC: NDArray[np.bool_], stated: Stated, spread: float = 1.0) -> "StatedOrder":
        """The order of a proposal of which `first_BC` have a place at first."""
        said_BC = stated(proposal.candidates, proposal.scores)
        values_BC = np.where(proposal.judged_BC & first_BC, said_BC, NOWHERE)
        lowest_B1 = np.where(np.isfinite(values_BC), values_BC, np.float32(0.0)).min(axis=1, keepdims=True)
        return cls(stated, proposal.scores, spread, lowest_B1, values_BC)

    def of_more(self, user: int, more: Candidates) -> NDArray[np.float32]:
        """As `Order` says."""
        said_1C = self.stated(more, self.scores.of_more(user, more))
        values_1C = below(self.lowest_B1[user : user + 1], np.where(np.isfinite(said_1C), said_1C, np.float32(0.0)))
        return np.where(np.isfinite(said_1C), values_1C, NOWHERE)


def by_fusion(proposal: Proposal, weights: FusionWeights) -> StatedOrder:
    """By generator and neighbours."""
    return StatedOrder.of(proposal, proposal.scores.core_BC, lambda _, scores: scores.fused(weights))


def by_generator(proposal: Proposal) -> StatedOrder:
    """By the generator, of what it found itself: neighbours' proposals would flatter it."""

    def stated(candidates: Candidates, scores: StandardScores) -> NDArray[np.float32]:
        return np.where(candidates.from_generator_BC, scores.fused(BY_GENERATOR_ALONE), NOWHERE)

    return StatedOrder.of(proposal, proposal.scores.liked_BC, stated)


def by_neighbours(proposal: Proposal) -> StatedOrder:
    """By the neighbours, of what they speak for."""

    def stated(candidates: Candidates, scores: StandardScores) -> NDArray[np.float32]:
        return np.where(candidates.from_neighbours_BC, scores.neighbours_BC, NOWHERE)

    return StatedOrder.of(proposal, proposal.scores.near_BC, stated, SPREAD_OF_SHARES)


class MakesShortlist(Protocol):
    """Evidence on the best of some candidates by their fused values."""

    def __call__(
        self,
        history: HistoryBatch,
        candidates: Candidates,
        scores: StandardScores,
        fused_BC: NDArray[np.float32],
        length: int,
        /,
    ) -> Shortlist:
        """The `length` best and the evidence on each."""


@dataclass(frozen=True, slots=True)
class JudgedOrder:
    """The first block by the judge, and everything else below it, by the judge too."""

    proposal: Proposal
    weights: FusionWeights
    judge: RunsNetwork
    shortlist: MakesShortlist
    num_below: int
    """Most candidates below the first block that are judged: the best by the fused order."""
    first: Shortlist
    verdicts: Verdicts
    values_BC: NDArray[np.float32]

    @classmethod
    def of(
        cls,
        proposal: Proposal,
        weights: FusionWeights,
        judge: RunsNetwork,
        shortlist: MakesShortlist,
        first: Shortlist,
        num_below: int,
    ) -> "JudgedOrder":
        """The order of a proposal whose first block is `first`; of its candidates, only that has a place at first."""
        verdicts = judge_first(first, judge)
        values_BC = np.full(proposal.allowed_BC.shape, NOWHERE, np.float32)
        np.put_along_axis(values_BC, first.columns_BS, verdicts.standard_BS, axis=1)
        return cls(proposal, weights, judge, shortlist, num_below, first, verdicts, values_BC)

    @property
    def spread(self) -> float:
        """As `Order` says: verdicts are standardised."""
        return 1.0

    def of_more(self, user: int, more: Candidates) -> NDArray[np.float32]:
        """As `Order` says."""
        scores = self.proposal.scores.of_more(user, more)
        fused_1C = scores.fused(self.weights)
        shortlist = self.shortlist(self.proposal.history_of(user), more, scores, fused_1C, self.num_below)
        values_1C = np.full(fused_1C.shape, NOWHERE, np.float32)
        found_1S = judge_below(self.first, self.verdicts, user, shortlist, self.judge)
        np.put_along_axis(values_1C, shortlist.columns_BS, found_1S, axis=1)
        return values_1C
