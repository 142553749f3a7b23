"""The total order of each stage: one value for each item, whatever else is listed or left out."""

# B users, C candidates, S shortlisted

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from models.domain.item_rows import NO_ITEM
from models.domain.stages import timed
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

    def of_wanted(self, wanted_BC: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Of these candidates of the proposal, whether they have a place at first or not; others as in `values_BC`."""

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
    proposal: Proposal
    spread: float
    lowest_B1: NDArray[np.float32]
    values_BC: NDArray[np.float32]

    @classmethod
    def of(cls, proposal: Proposal, first_BC: NDArray[np.bool_], stated: Stated, spread: float = 1.0) -> "StatedOrder":
        """The order of a proposal of which `first_BC` have a place at first."""
        with timed("fuse"):
            said_BC = stated(proposal.candidates, proposal.scores)
            values_BC = np.where(proposal.judged_BC & first_BC, said_BC, NOWHERE)
            lowest_B1 = np.where(np.isfinite(values_BC), values_BC, np.float32(0.0)).min(axis=1, keepdims=True)
            return cls(stated, proposal, spread, lowest_B1, values_BC)

    def of_wanted(self, wanted_BC: NDArray[np.bool_]) -> NDArray[np.float32]:
        """As `Order` says."""
        others_BC = self._below(self.lowest_B1, self.stated(self.proposal.candidates, self.proposal.scores))
        return np.where(wanted_BC & ~np.isfinite(self.values_BC), others_BC, self.values_BC)

    def of_more(self, user: int, more: Candidates) -> NDArray[np.float32]:
        """As `Order` says."""
        with timed("fuse"):
            said_1C = self.stated(more, self.proposal.scores.of_more(user, more))
            return self._below(self.lowest_B1[user : user + 1], said_1C)

    @staticmethod
    def _below(lowest_B1: NDArray[np.float32], said_BC: NDArray[np.float32]) -> NDArray[np.float32]:
        placed_BC = np.isfinite(said_BC)
        return np.where(placed_BC, below(lowest_B1, np.where(placed_BC, said_BC, np.float32(0.0))), NOWHERE)


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
        verdicts = judge_first(first, judge, weights.beside_judge)
        values_BC = np.full(proposal.allowed_BC.shape, NOWHERE, np.float32)
        np.put_along_axis(values_BC, first.columns_BS, verdicts.values_BS, axis=1)
        return cls(proposal, weights, judge, shortlist, num_below, first, verdicts, values_BC)

    @property
    def spread(self) -> float:
        """As `Order` says: verdicts are standardised."""
        return 1.0

    def of_more(self, user: int, more: Candidates) -> NDArray[np.float32]:
        """As `Order` says."""
        with timed("fuse"):
            scores = self.proposal.scores.of_more(user, more)
            fused_1C = scores.fused(self.weights)
        with timed("judge"):
            shortlist = self.shortlist(self.proposal.history_of(user), more, scores, fused_1C, self.num_below)
            values_1C = np.full(fused_1C.shape, NOWHERE, np.float32)
            found_1S = judge_below(self.first, self.verdicts, slice(user, user + 1), shortlist, self.judge)
            np.put_along_axis(values_1C, shortlist.columns_BS, found_1S, axis=1)
        return values_1C

    def of_wanted(self, wanted_BC: NDArray[np.bool_]) -> NDArray[np.float32]:
        """As `Order` says."""
        proposal, scores = self.proposal, self.proposal.scores
        is_left_BC = wanted_BC & ~np.isfinite(self.values_BC) & (proposal.candidates.rows_BC != NO_ITEM)
        fused_BC = np.where(is_left_BC, scores.fused(self.weights), NOWHERE)
        most = max(1, int(is_left_BC.sum(axis=1).max()))
        with timed("judge"):
            shortlist = self.shortlist(proposal.history, proposal.candidates, scores, fused_BC, most)
            found_BS = judge_below(self.first, self.verdicts, slice(None), shortlist, self.judge)
        values_BC = self.values_BC.copy()
        kept_BS = np.where(shortlist.present_BS, found_BS, np.take_along_axis(values_BC, shortlist.columns_BS, axis=1))
        np.put_along_axis(values_BC, shortlist.columns_BS, kept_BS, axis=1)
        return values_BC
