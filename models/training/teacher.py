"""The teacher: a judge over the neighbours' lists, and what it would have the generator list at each position.

Its evidence at a training position leaves out what the shopper's own later events say: a teacher that has counted the
answer only copies it.
"""

# E events, P positions, C candidates, T taught items, H events that count

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.baselines.item_facts import ItemFacts
from models.baselines.neighbours import unseen
from models.baselines.tuned_neighbours import Mixture
from models.data.sequences import Sequences
from models.data.split import EvaluationCases
from models.domain.item_rows import NO_ITEM
from models.domain.progress import Progress
from models.features.histories import HistoryBatch, encode_spans
from models.features.spec import MAX_HISTORY_EVENTS
from models.networks.judge import Judge
from models.recommend.evidence import OwnEvents, pair_evidence
from models.training.config import TrainingConfig
from models.training.judge import JudgedLists, fit_judge, judged_lists, verdicts
from models.training.own_events import OwnEventsSource

NUM_CANDIDATES: Final = 100
NUM_TAUGHT: Final = 50
POSITIONS_PER_CALL: Final = 512


@dataclass(frozen=True, slots=True)
class TaughtLists:
    """What the teacher would list after some of the events."""

    list_of_E: NDArray[np.int32]
    """Number of the list after each event; -1 where none was made."""
    rows_LT: NDArray[np.int32]
    """Item rows, -1 beyond the last."""
    shares_LT: NDArray[np.float16]
    """Probabilities, 0 beyond the last."""


@dataclass(frozen=True, slots=True)
class Teacher:
    """Neighbours and item facts, fitted on `train`, asked about its own positions."""

    train: Sequences
    mixture: Mixture
    facts: ItemFacts
    own: OwnEventsSource
    exclude_seen: bool
    uses_time: bool

    @classmethod
    def of(
        cls, train: Sequences, mixture: Mixture, facts: ItemFacts, *, exclude_seen: bool, uses_time: bool
    ) -> "Teacher":
        """A teacher that has not judged yet."""
        return cls(train, mixture, facts, OwnEventsSource.of(train, mixture), exclude_seen, uses_time)

    def fit_judge(self, cases: EvaluationCases, seed: int, progress: Progress) -> Judge | None:
        """A judge of neighbours' lists; None where no list holds what was taken.

        `cases` are histories that begin sequences of `train`, none of them empty, and what came next there.
        """
        number_of = {user_id: number for number, user_id in enumerate(self.train.user_ids)}
        users = np.array([number_of[user_id] for user_id in cases.histories.user_ids], np.int64)
        positions_P = self.train.offsets_U1[users] + cases.histories.lengths_U - 1
        progress.start("gathering evidence", total=cases.num_cases)
        parts = []
        for places, rows_PC, evidence_PCF in self._lists(positions_P, progress):
            taken_PC = cases.take(places).taken(rows_PC)
            parts.append(judged_lists(evidence_PCF, rows_PC != NO_ITEM, taken_PC))
        lists = JudgedLists.joined(parts) if parts else None
        num_lists = 0 if lists is None else len(lists.taken_XC)
        progress.finish(f"{num_lists:,} of {cases.num_cases:,} lists hold what was taken next")
        return fit_judge(lists, seed, progress=progress) if lists is not None and num_lists else None

    def teach(self, judge: Judge, max_positions: int, seed: int, progress: Progress) -> TaughtLists:
        """The judge's best of the neighbours' candidates after events that another one follows, at most so many."""
        train = self.train
        is_last_E = np.zeros(train.num_events, np.bool_)
        is_last_E[train.offsets_U1[1:][train.lengths_U > 0] - 1] = True
        positions_P = np.flatnonzero(~is_last_E)
        if len(positions_P) > max_positions:
            positions_P = np.sort(np.random.default_rng(seed).choice(positions_P, max_positions, replace=False))
        list_of_E = np.full(train.num_events, -1, np.int32)
        list_of_E[positions_P] = np.arange(len(positions_P))
        rows_LT = np.full((len(positions_P), NUM_TAUGHT), NO_ITEM, np.int32)
        shares_LT = np.zeros((len(positions_P), NUM_TAUGHT), np.float16)
        progress.start("teaching", total=len(positions_P))
        for places, rows_PC, evidence_PCF in self._lists(positions_P, progress):
            logits_PC = verdicts(judge, evidence_PCF, rows_PC != NO_ITEM)
            best_PT = np.argsort(-logits_PC, axis=1, kind="stable")[:, :NUM_TAUGHT]
            best_logits_PT = np.take_along_axis(logits_PC, best_PT, axis=1)
            top_P1 = np.maximum(best_logits_PT[:, :1], np.finfo(np.float32).min)
            mass_PT = np.exp(best_logits_PT - top_P1)
            width = slice(0, best_PT.shape[1])
            rows_LT[places, width] = np.take_along_axis(rows_PC, best_PT, axis=1)
            shares_LT[places, width] = mass_PT / np.maximum(mass_PT.sum(axis=1, keepdims=True), 1e-9)
        progress.finish(f"{len(positions_P):,} lists")
        return TaughtLists(list_of_E, rows_LT, shares_LT)

    def _lists(
        self, positions_P: NDArray[np.int64], progress: Progress
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]]:
        """(numbers of positions, candidates, evidence) of a few positions at a time, similar lengths together."""
        users_P = np.searchsorted(self.train.offsets_U1, positions_P, side="right") - 1
        order_P = np.argsort(positions_P - self.train.offsets_U1[users_P], kind="stable")
        for start in range(0, len(order_P), POSITIONS_PER_CALL):
            places = order_P[start : start + POSITIONS_PER_CALL]
            starts = self.train.offsets_U1[users_P[places]]
            history = encode_spans(
                self.train,
                starts,
                positions_P[places] + 1,
                max_events=MAX_HISTORY_EVENTS,
                uses_time=self.uses_time,
                looks_back=not self.exclude_seen,
            )
            num_recent = self.mixture.neighbours.recent(history.item_rows_BL).shape[1]
            own = self.own.after(positions_P[places], users_P[places], num_recent)
            rows_PC, best_PX = self._candidates(history, own)
            yield places, rows_PC, pair_evidence(history, rows_PC, best_PX, self.mixture.neighbours, self.facts, own)
            progress.advance(len(places))

    def _candidates(self, history: HistoryBatch, own: OwnEvents) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """The neighbours' best, ascending by row, then -1; and the scores of all that they name, best first."""
        neighbours, history_BL = self.mixture.neighbours, history.item_rows_BL
        interest_BH = neighbours.interest(history.event_types_BL)
        said = neighbours.contributions(history_BL).minus(own.pairs).weighted(interest_BH)
        extra = history.had_BX.shape[1] if self.exclude_seen else 0
        rows_PC, best_PX = neighbours.best(said, interest_BH.shape, NUM_CANDIDATES + extra)
        if self.exclude_seen:
            rows_PC, _ = unseen(rows_PC, best_PX, history.had_BX, NUM_CANDIDATES)
        end = np.iinfo(np.int32).max
        rows_PC = np.sort(np.where(rows_PC == NO_ITEM, end, rows_PC), axis=1)
        return np.where(rows_PC == end, NO_ITEM, rows_PC).astype(np.int32), best_PX


def taught_lists(
    teacher: Teacher, cases: EvaluationCases | None, config: TrainingConfig, progress: Progress
) -> TaughtLists | None:
    """What a judge that learns from these cases would list; None where too little happened to fit one."""
    if cases is None or cases.num_cases == 0 or config.teacher_share == 0:
        return None
    judge = teacher.fit_judge(cases.with_history(config.teacher_lists, config.seed), config.seed, progress)
    return teacher.teach(judge, config.taught_positions, config.seed, progress) if judge else None
