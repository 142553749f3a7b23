"""Splits: which events train, which histories and targets validate and test."""

# U users (cases), E events of all users, T targets of all cases

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from models.data.baskets import basket_numbers
from models.data.dataset import DatasetInfo, TimeMeaning
from models.data.repeats import is_repeat_E
from models.data.sequences import Sequences, joined_offsets
from models.domain.errors import SplitRefused

SplitKind = Literal["temporal", "leave-one-out", "cold-items", "none"]

VALIDATION_QUANTILE: Final = 0.8
TEST_QUANTILE: Final = 0.9
COLD_ITEM_SHARE: Final = 0.1
INNER_BASKETS: Final = 8
"""Of one user, that a judge may learn from: of few users who come often one basket each would be too little."""
INNER_CASES: Final = 20_000
"""With so many there is enough without later baskets."""
LEAST_EVENTS_OF_A_CASE: Final = 3
"""One event to train on or to answer from, one to validate, one to test."""
LEAST_EVENTS_OF_INSTANTS: Final = 10
"""With as many of different times, the two instants always differ and have events before, between and after them."""
NO_HISTORY: Final = "impressions and dislikes are no history"
ORDER_SUFFICES: Final = "the split 'leave-one-out' needs no more than an order"
NONE_HELD_OUT: Final = "`figment train --split none` trains on all that there is and measures nothing"


@dataclass(frozen=True, slots=True)
class EvaluationCases:
    """Questions with known answers: one history and its targets each, one user each."""

    histories: Sequences
    target_offsets_U1: NDArray[np.int64]
    targets_T: NDArray[np.int32]
    """Item rows that the user really took next, each item once: one event, or the whole next basket."""

    @classmethod
    def joined(cls, parts: "Iterable[EvaluationCases]") -> "EvaluationCases":
        """All cases, part after part; at least one part."""
        parts = list(parts)
        return cls(
            histories=Sequences.joined([part.histories for part in parts]),
            target_offsets_U1=joined_offsets([part.target_offsets_U1 for part in parts]),
            targets_T=np.concatenate([part.targets_T for part in parts]),
        )

    @property
    def num_cases(self) -> int:
        """Number of cases."""
        return self.histories.num_users

    def targets_of(self, case: int) -> NDArray[np.int32]:
        """Item rows of one case."""
        return self.targets_T[self.target_offsets_U1[case] : self.target_offsets_U1[case + 1]]

    def take(self, cases: NDArray[np.int64]) -> "EvaluationCases":
        """Only these, in this order."""
        targets = [self.targets_of(int(case)) for case in cases]
        return EvaluationCases(
            histories=self.histories.take_users(cases),
            target_offsets_U1=np.concatenate([[0], np.cumsum([len(each) for each in targets])]).astype(np.int64),
            targets_T=np.concatenate([np.empty(0, np.int32), *targets]),
        )

    def with_history(self, most: int, seed: int) -> "EvaluationCases":
        """At most so many of those that have one, drawn by the seed, shortest first: little of a batch is padding."""
        known = np.flatnonzero(self.histories.lengths_U > 0)
        if len(known) > most:
            known = np.sort(np.random.default_rng(seed).choice(known, most, replace=False))
        return self.take(known[np.argsort(self.histories.lengths_U[known], kind="stable")])

    @property
    def is_taken_before_T(self) -> NDArray[np.bool_]:
        """Which targets stand in their user's history."""
        histories, offsets_U1 = self.histories, self.histories.offsets_U1
        return np.concatenate(
            [
                np.empty(0, np.bool_),
                *(
                    np.isin(self.targets_of(case), histories.item_rows_E[offsets_U1[case] : offsets_U1[case + 1]])
                    for case in range(self.num_cases)
                ),
            ]
        )

    def first_time_only(self) -> "EvaluationCases":
        """What users took for the first time; without those who took nothing new."""
        is_first_T = ~self.is_taken_before_T
        offsets_U1 = np.concatenate([[0], np.cumsum(is_first_T)])[self.target_offsets_U1]
        return EvaluationCases(self.histories, offsets_U1, self.targets_T[is_first_T]).take(
            np.flatnonzero(np.diff(offsets_U1))
        )

    def taken(self, rows_BC: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Which of each case's candidates [B, C] were taken next."""
        return np.stack([np.isin(rows_C, self.targets_of(case)) for case, rows_C in enumerate(rows_BC)])

    def batches(self, size: int) -> Iterator["EvaluationCases"]:
        """All cases, so many at a time."""
        for start in range(0, self.num_cases, size):
            yield self.take(np.arange(start, min(start + size, self.num_cases)))


@dataclass(frozen=True, slots=True)
class Split:
    """What may be trained on, and what is asked afterwards."""

    kind: SplitKind
    train: Sequences
    """All users keep their numbers; some may have no event here."""
    validation: EvaluationCases | None
    test: EvaluationCases | None
    cold_rows: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, dtype=np.int32))
    """Items hidden from training, ascending; empty but for `cold-items`."""
    instants: dict[str, int] = field(default_factory=dict)
    """`validation` and `test` in epoch seconds for `temporal`."""


def default_split(info: DatasetInfo) -> SplitKind:
    """`temporal`, which is how a shop uses a model, wherever times are times."""
    return "temporal" if info.time == "real" else "leave-one-out"


def split_sequences(sequences: Sequences, kind: SplitKind, *, time: TimeMeaning, seed: int) -> Split:
    """The split of that kind; `seed` draws the hidden items and nothing else.

    Raises `SplitRefused` where these sequences cannot be split so.
    """
    match kind:
        case "temporal":
            return _split_temporal(sequences, time)
        case "leave-one-out":
            return _split_leave_one_out(sequences)
        case "cold-items":
            return _split_cold_items(sequences, seed)
        case "none":
            return Split(kind="none", train=sequences, validation=None, test=None)


def inner_split(train: Sequences, kind: SplitKind) -> Split:
    """The training events once more, held out the same way: its `validation` cases are what a judge may learn from.

    Each user's last training event, or the baskets after the instant that leaves as large a part behind it as the
    validation instant does. No case where the training events cannot be cut.
    """
    if kind == "temporal":
        times_E = np.sort(train.timestamps_E)
        instant = int(times_E[int(VALIDATION_QUANTILE / TEST_QUANTILE * len(times_E))]) if len(times_E) else 0
        return Split(
            kind=kind,
            train=train.take_events(train.timestamps_E < instant),
            validation=_baskets_since(train, instant) if len(times_E) else None,
            test=None,
            instants={"validation": instant},
        )
    users = np.flatnonzero(train.lengths_U >= 2)
    last_U = train.offsets_U1[users + 1] - 1
    is_last_E = np.zeros(train.num_events, np.bool_)
    is_last_E[last_U] = True
    earlier = train.take_events(~is_last_E)
    return Split(kind, earlier, _single_targets(earlier, users, train.item_rows_E[last_U]), test=None)


def _split_temporal(sequences: Sequences, time: TimeMeaning) -> Split:
    """One instant each cuts all users at once; nothing later than the instant is known before it."""
    if time == "order":
        raise SplitRefused("temporal", f"this dataset's times only stand for positions; {_way_out(sequences)}")
    if sequences.num_events == 0:
        raise SplitRefused("temporal", _too_few("no event is part of a history"))
    if sequences.timestamps_E.min() < 0:
        raise SplitRefused("temporal", f"there are events without a time; {_way_out(sequences)}")
    times_E = np.sort(sequences.timestamps_E)
    last = len(times_E) - 1
    validation_at = int(times_E[min(last, int(VALIDATION_QUANTILE * len(times_E)))])
    test_at = int(times_E[min(last, int(TEST_QUANTILE * len(times_E)))])
    if not times_E[0] < validation_at < test_at:
        cut = "to cut the time into three parts"
        if len(times_E) < LEAST_EVENTS_OF_INSTANTS:
            few = f"too few events {cut}: {len(times_E)}; {LEAST_EVENTS_OF_INSTANTS} of different times always suffice"
            raise SplitRefused("temporal", f"{few} ({NO_HISTORY}); {_way_out(sequences)}")
        times, counts = np.unique(times_E, return_counts=True)
        shared = f"{datetime.fromtimestamp(times[counts.argmax()], UTC):%Y-%m-%dT%H:%M:%SZ}"
        most = f"{counts.max():,} of {len(times_E):,} events at {shared}"
        raise SplitRefused("temporal", f"too many events share one timestamp {cut} ({most}); {_way_out(sequences)}")
    return Split(
        kind="temporal",
        train=sequences.take_events(sequences.timestamps_E < validation_at),
        validation=_next_baskets(sequences, validation_at, test_at),
        test=_next_baskets(sequences, test_at, int(times_E[-1]) + 1),
        instants={"validation": validation_at, "test": test_at},
    )


def _way_out(sequences: Sequences) -> str:
    """Which other split these sequences allow."""
    return ORDER_SUFFICES if (sequences.lengths_U >= LEAST_EVENTS_OF_A_CASE).any() else NONE_HELD_OUT


def _too_few(reason: str) -> str:
    return f"{reason} ({NO_HISTORY}); {NONE_HELD_OUT}"


def _next_baskets(sequences: Sequences, start: int, end: int) -> EvaluationCases:
    """Users active in [start, end): all they did before `start`, and their first basket (equal timestamps) since."""
    return _basket_cases(sequences, _baskets_inside(sequences, start, end), 0)


def _baskets_since(sequences: Sequences, start: int) -> EvaluationCases:
    """The same up to the last event, with later baskets too and all before each: first ones, second ones and so on.

    Each round asks about users who come again. Enough rounds for `INNER_CASES`, at most `INNER_BASKETS`.
    """
    number_E = _baskets_inside(sequences, start, int(sequences.timestamps_E.max()) + 1)
    rounds: list[EvaluationCases] = []
    while len(rounds) < INNER_BASKETS and sum(each.num_cases for each in rounds) < INNER_CASES:
        rounds.append(_basket_cases(sequences, number_E, len(rounds)))
    return EvaluationCases.joined(rounds)


def _baskets_inside(sequences: Sequences, start: int, end: int) -> NDArray[np.int64]:
    """Which of its user's baskets (equal timestamps) in [start, end) an event is of, from 0; -1 outside."""
    users_E, times_E = sequences.users_of_events_E(), sequences.timestamps_E
    inside_E = (times_E >= start) & (times_E < end)
    number_E = np.full(len(times_E), -1)
    number_E[inside_E] = basket_numbers(users_E[inside_E], times_E[inside_E])
    return number_E


def _basket_cases(sequences: Sequences, number_E: NDArray[np.int64], number: int) -> EvaluationCases:
    """Users who have a basket of that number: all they did before it, and what is in it."""
    users_E, times_E = sequences.users_of_events_E(), sequences.timestamps_E
    is_target_E = number_E == number
    basket_at_U = np.full(sequences.num_users, np.iinfo(np.int64).min)
    basket_at_U[users_E[is_target_E]] = times_E[is_target_E]
    users = np.unique(users_E[is_target_E])
    basket = sequences.take_events(is_target_E)
    targets = basket.take_events(~is_repeat_E(basket)).take_users(users)
    return EvaluationCases(
        histories=sequences.take_events(times_E < basket_at_U[users_E]).take_users(users),
        target_offsets_U1=targets.offsets_U1,
        targets_T=targets.item_rows_E,
    )


def _split_leave_one_out(sequences: Sequences) -> Split:
    """Last event tests, the one before validates, the rest trains; shorter histories train whole."""
    users = np.flatnonzero(sequences.lengths_U >= LEAST_EVENTS_OF_A_CASE)
    if len(users) == 0:
        raise SplitRefused("leave-one-out", _too_few(f"no user has {LEAST_EVENTS_OF_A_CASE} events or more"))
    last_U = sequences.offsets_U1[users + 1] - 1
    from_end_E = np.repeat(sequences.offsets_U1[1:], sequences.lengths_U) - np.arange(sequences.num_events)
    is_case_E = np.repeat(sequences.lengths_U >= LEAST_EVENTS_OF_A_CASE, sequences.lengths_U)
    return Split(
        kind="leave-one-out",
        train=sequences.take_events(~is_case_E | (from_end_E > 2)),
        validation=_single_targets(sequences.take_events(from_end_E > 2), users, sequences.item_rows_E[last_U - 1]),
        test=_single_targets(sequences.take_events(from_end_E > 1), users, sequences.item_rows_E[last_U]),
    )


def _single_targets(known: Sequences, users: NDArray[np.int64], targets_U: NDArray[np.int32]) -> EvaluationCases:
    return EvaluationCases(
        histories=known.take_users(users),
        target_offsets_U1=np.arange(len(users) + 1, dtype=np.int64),
        targets_T=targets_U,
    )


def _split_cold_items(sequences: Sequences, seed: int) -> Split:
    """As leave-one-out, but a tenth of the items is never trained on; histories may hold them, as when serving."""
    plain = _split_leave_one_out(sequences)
    cold_rows = draw_items(sequences, seed)
    train = plain.train.without_items(cold_rows)
    return Split(kind="cold-items", train=train, validation=plain.validation, test=plain.test, cold_rows=cold_rows)


def draw_items(sequences: Sequences, seed: int) -> NDArray[np.int32]:
    """A tenth of the items that occur, at least one, ascending."""
    rows = np.unique(sequences.item_rows_E)
    num_drawn = max(1, round(COLD_ITEM_SHARE * len(rows)))
    return np.sort(np.random.default_rng(seed).choice(rows, size=num_drawn, replace=False))
