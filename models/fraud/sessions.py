"""Verdicts on histories, with the evidence for them."""

# B histories, E events of all histories

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.data.sequences import Sequences
from models.domain.errors import RuleRefused
from models.domain.events import EVENT_TYPES, HISTORY_EVENT_TYPES, HistoryEvent
from models.domain.stages import timed
from models.fraud.behaviour import PLAIN
from models.fraud.detector import Decision, Detector
from models.fraud.group import GroupFigures
from models.fraud.scored import AMONG_ANY, ScoredHistories, pool_figures_twice
from models.fraud.steps import StepScorer
from models.recommend.recommender import Recommender

MIN_EVENTS: Final = 3
"""A step is judged by the others of its history."""
MIN_POOL: Final = 200
"""Histories asked about together from which a group can be told."""
STEPS_TOLD: Final = 5
_TYPE_NUMBER: Final = {name: number for number, name in enumerate(EVENT_TYPES)}


@dataclass(frozen=True, slots=True)
class StepEvidence:
    """One step and how plausible it is for its shopper."""

    position: int
    """Of the event in the history as it was handed in, from 0."""
    item_id: str
    percentile: float
    """Share of other items that are less plausible, by discriminator, generator, neighbours and texts on average."""


@dataclass(frozen=True, slots=True)
class GroupEvidence:
    """An item that more histories share than is usual, or whose holders are suspicious."""

    item_id: str
    histories: int
    """Of those asked about together that have it, this one included."""
    expected: float | None
    """How many would be usual; None for an item that sold nothing before the model was trained."""


@dataclass(frozen=True, slots=True)
class SessionVerdict:
    """What is thought of one history; without a score where too few of its items are known."""

    score: float | None
    probability: float | None
    decision: Decision
    evidence: Sequence[StepEvidence] = ()
    group: GroupEvidence | None = None
    warnings: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ReadHistory:
    """Events that can be judged, oldest first."""

    rows: NDArray[np.int32]
    types: NDArray[np.int8]
    seconds: NDArray[np.int64]
    positions: NDArray[np.int64]
    """Of each event in the history as it was handed in."""
    num_unknown: int = 0


def read_histories(histories: Sequences) -> list[ReadHistory]:
    """Of events whose items are all known; positions count from each history's first event."""
    return [
        ReadHistory(
            histories.item_rows_E[first:last],
            histories.event_types_E[first:last],
            histories.timestamps_E[first:last],
            np.arange(last - first),
        )
        for first, last in pairwise(histories.offsets_U1)
    ]


class SessionChecker:
    """One detector over one state of the catalogue."""

    def __init__(self, recommender: Recommender, detector: Detector) -> None:
        self._recommender = recommender
        self._detector = detector
        self._ranker = recommender.ranker
        self._scorer = StepScorer.over(
            self._ranker.source,
            self._ranker.spec,
            self._ranker.facts.events_N,
            self._ranker.noise_size,
            recommender.items.text_NE,
        )

    def verdicts(self, histories: Sequence[Sequence[HistoryEvent]]) -> list[SessionVerdict]:
        """One verdict a history, in their order; those of `MIN_POOL` histories or more know of groups among them.

        Raises RuleRefused for a history with fewer than `MIN_EVENTS` events.
        """
        for number, events in enumerate(histories):
            if len(events) < MIN_EVENTS:
                raise RuleRefused(
                    ("sessions", number, "history"), f"has {len(events)} events, the least is {MIN_EVENTS}"
                )
        with timed("encode"):
            uses_time = self._ranker.spec.uses_time
            read = [_read(events, self._recommender.row_of, uses_time=uses_time) for events in histories]
        return self.judge(read)

    def judge(self, read: Sequence[ReadHistory]) -> list[SessionVerdict]:
        """One verdict a history; `abstain` without a score where too few of its events can be judged."""
        usable = [number for number, each in enumerate(read) if len(each.rows) >= MIN_EVENTS]
        verdicts = [_undecided(each) for each in read]
        if usable:
            judged = self._judged([read[number] for number in usable])
            too_few = _too_few_for_a_group(len(usable), len(read))
            for number, verdict in zip(usable, judged, strict=True):
                verdicts[number] = replace(verdict, warnings=[*verdict.warnings, *too_few])
        return verdicts

    def _judged(self, read: Sequence[ReadHistory]) -> list[SessionVerdict]:
        scored = ScoredHistories.of(_sequences(read), self._scorer, self._ranker)
        judgement = self._detector.alone
        log_odds_B, found = judgement.log_odds(scored.figures_BF), None
        if len(read) >= MIN_POOL:
            judgement = self._detector.group
            with timed("judge"):
                by_counts_B = self._detector.counts.log_odds(scored.figures_BF[:, : len(PLAIN)])
                figures_BF, found = pool_figures_twice(scored, log_odds_B, by_counts_B, self._ranker.facts.events_N)
            log_odds_B = judgement.log_odds(figures_BF)
        offsets = scored.histories.offsets_U1
        verdicts = []
        for number, each in enumerate(read):
            percentiles = scored.percentiles_EVK[offsets[number] : offsets[number + 1], :, AMONG_ANY].mean(axis=1)
            decision = judgement.decision(float(log_odds_B[number]))
            verdicts.append(
                SessionVerdict(
                    score=judgement.score(float(log_odds_B[number])),
                    probability=judgement.probability(float(log_odds_B[number])),
                    decision=decision,
                    evidence=self._evidence(each, percentiles),
                    group=self._group(found, number) if found is not None and decision != "accept" else None,
                    warnings=_warnings(each),
                )
            )
        return verdicts

    def _evidence(self, read: ReadHistory, percentiles: NDArray[np.float32]) -> list[StepEvidence]:
        """The least plausible steps first."""
        first = len(read.rows) - len(percentiles)  # of a long history only the newest are asked about
        return [
            StepEvidence(
                int(read.positions[first + step]),
                self._recommender.item_ids[read.rows[first + step]],
                round(float(percentiles[step]), 4),
            )
            for step in np.argsort(percentiles, kind="stable")[:STEPS_TOLD]
        ]

    def _group(self, found: GroupFigures, number: int) -> GroupEvidence | None:
        if not found.holders_B[number]:
            return None
        item_id = self._recommender.item_ids[found.item_B[number]]
        expected = float(found.expected_B[number])
        told = None if np.isnan(expected) else round(expected, 3)
        return GroupEvidence(item_id, int(found.holders_B[number]) + 1, told)


def _read(events: Sequence[HistoryEvent], row_of: Mapping[str, int], *, uses_time: bool) -> ReadHistory:
    """Known events oldest first, each with its place in the history as it was handed in.

    Times are left out where training had none, for nobody knows what is usual of them, and where one is missing: in an
    order that nobody knows, gaps between them mean nothing.
    """
    order = list(range(len(events)))
    has_times = all(event.timestamp_seconds is not None for event in events)
    if has_times:
        order.sort(key=lambda place: events[place].timestamp_seconds or 0.0)
    kept = [place for place in order if events[place].event_type in HISTORY_EVENT_TYPES]
    known = [place for place in kept if events[place].item_id in row_of]
    seconds = [events[place].timestamp_seconds if uses_time and has_times else None for place in known]
    return ReadHistory(
        rows=np.array([row_of[events[place].item_id] for place in known], np.int32),
        types=np.array([_TYPE_NUMBER[events[place].event_type] for place in known], np.int8),
        seconds=np.array([-1 if each is None else int(each) for each in seconds], np.int64),
        positions=np.array(known, np.int64),
        num_unknown=len(kept) - len(known),
    )


def _sequences(read: Sequence[ReadHistory]) -> Sequences:
    lengths = np.array([len(each.rows) for each in read], np.int64)
    return Sequences(
        user_ids=[str(number) for number in range(len(read))],
        offsets_U1=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        item_rows_E=np.concatenate([each.rows for each in read]),
        event_types_E=np.concatenate([each.types for each in read]),
        timestamps_E=np.concatenate([each.seconds for each in read]),
    )


def _warnings(read: ReadHistory) -> list[str]:
    return [f"{read.num_unknown} events name no item of the catalogue: skipped"] if read.num_unknown else []


def _too_few_for_a_group(num_usable: int, num_asked: int) -> list[str]:
    """Said where enough were handed in, and those that can be judged are fewer."""
    if num_usable >= MIN_POOL or num_asked < MIN_POOL:
        return []
    told = f"{num_usable} of {num_asked} histories have {MIN_EVENTS} events of known items"
    return [f"judged by itself alone: {told}, and a group takes {MIN_POOL}"]


def _undecided(read: ReadHistory) -> SessionVerdict:
    told = f"{len(read.rows)} events can be judged, the least is {MIN_EVENTS}"
    return SessionVerdict(None, None, "abstain", warnings=[told, *_warnings(read)])
