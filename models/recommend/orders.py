"""The total order of each stage: one value for each item, whatever else is listed or left out."""

# B users, C candidates, S shortlisted

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from models.features.histories import HistoryBatch
from models.recommend.candidates import Candidates, RunsNetwork
from models.recommend.fusion import FusionWeights, StandardScores
from models.recommend.judging import Shortlist, Verdicts, judge_below, judge_first
from models.recommend.proposal import Proposal

BY_GENERATOR_ALONE: Final = FusionWeights(neighbours=0.0)
NOWHERE: Final = np.float32(-np.inf)


class Order(Protocol):
    """The order of one stage, for the users of one proposal."""

    @property
    def values_BC(self) -> NDArray[np.float32]:
        """Of the proposal's candidates; -inf where this order places one only when it is asked for more."""

    def of_more(self, user: int, more: Candidates) -> NDArray[np.float32]:
        """Values [1, C] of one user's further candidates, on the same scale; -inf where one has no place."""


@dataclass(frozen=True, slots=True)
class FusedOrder:
    """By generator and neighbours."""

    scores: StandardScores
    weights: FusionWeights
    values_BC: NDArray[np.float32]

    @classmethod
    def of(cls, proposal: Proposal, weights: FusionWeights) -> "FusedOrder":
        """The order of a proposal."""
        return cls(proposal.scores, weights, proposal.scores.fused(weights))

    def of_more(self, user: int, more: Candidates) -> NDArray[np.float32]:
        """As `Order` says."""
        return self.scores.of_more(user, more).fused(self.weights)


@dataclass(frozen=True, slots=True)
class GeneratorOrder:
    """By the generator, of what it found itself: neighbours' proposals would flatter it."""

    scores: StandardScores
    values_BC: NDArray[np.float32]

    @classmethod
    def of(cls, proposal: Proposal) -> "GeneratorOrder":
        """The order of a proposal."""
        values_BC = proposal.scores.fused(BY_GENERATOR_ALONE)
        return cls(proposal.scores, np.where(proposal.candidates.from_generator_BC, values_BC, NOWHERE))

    def of_more(self, user: int, more: Candidates) -> NDArray[np.float32]:
        """As `Order` says."""
        values_1C = self.scores.of_more(user, more).fused(BY_GENERATOR_ALONE)
        return np.where(more.from_generator_BC, values_1C, NOWHERE)


@dataclass(frozen=True, slots=True)
class NeighboursOrder:
    """By the neighbours, of what they speak for."""

    scores: StandardScores
    values_BC: NDArray[np.float32]

    @classmethod
    def of(cls, proposal: Proposal) -> "NeighboursOrder":
        """The order of a proposal."""
        found_BC = proposal.candidates.from_neighbours_BC
        return cls(proposal.scores, np.where(found_BC, proposal.scores.neighbours_BC, NOWHERE))

    def of_more(self, user: int, more: Candidates) -> NDArray[np.float32]:
        """As `Order` says."""
        values_1C = self.scores.of_more(user, more).neighbours_BC
        return np.where(more.from_neighbours_BC, values_1C, NOWHERE)


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

    def of_more(self, user: int, more: Candidates) -> NDArray[np.float32]:
        """As `Order` says."""
        scores = self.proposal.scores.of_more(user, more)
        fused_1C = scores.fused(self.weights)
        below = self.shortlist(self.proposal.history_of(user), more, scores, fused_1C, self.num_below)
        values_1C = np.full(fused_1C.shape, NOWHERE, np.float32)
        found_1S = judge_below(self.first, self.verdicts, user, below, self.judge)
        np.put_along_axis(values_1C, below.columns_BS, found_1S, axis=1)
        return values_1C
