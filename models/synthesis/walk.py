"""Sessions that nobody had: the generator, asked again and again for what comes next."""

# B shoppers of a block, U shoppers, E events, A items that are there, D features, Z noise

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.domain.errors import RuleRefused
from models.domain.events import EVENT_TYPES
from models.domain.filter import Filter
from models.domain.progress import NoProgress, Progress
from models.recommend.question import EncodedHistory
from models.synthesis.habits import NUM_QUANTILES, Habits
from models.synthesis.workshop import Workshop

SHOPPERS_PER_BLOCK: Final = 256
SHARES_PER_BLOCK: Final = 4_000_000
"""Of shoppers and items: what lies in memory at once, however large the catalogue is."""
MIN_EVENTS: Final = 2
"""A session of one event goes on to nothing."""
START_SECONDS: Final = 30 * 86_400
"""Sessions begin within so long after the model was made, and after the history that they go on from."""
LAST_SECONDS: Final = 253_402_300_799
"""The end of the year 9999: later times cannot be told."""


@dataclass(frozen=True, slots=True)
class Sessions:
    """U made-up shoppers, their events end to end, oldest first."""

    offsets_U1: NDArray[np.int64]
    item_rows_E: NDArray[np.int32]
    event_types_E: NDArray[np.int8]
    timestamps_E: NDArray[np.int64]
    """Epoch seconds."""

    def frame(self, item_ids: Sequence[str], seed: int, first_user: int = 0) -> pl.DataFrame:
        """Rows of the dataset format's `events`, each labelled synthetic; `first_user`: who were told before."""
        users_E = first_user + np.repeat(np.arange(len(self.offsets_U1) - 1), np.diff(self.offsets_U1))
        return pl.DataFrame(
            {
                "user_id": [f"synthetic-{seed}-{user}" for user in users_E],
                "item_id": [item_ids[row] for row in self.item_rows_E],
                "timestamp": pl.from_epoch(pl.Series(self.timestamps_E), "s").dt.replace_time_zone("UTC"),
                "event_type": [EVENT_TYPES[number] for number in self.event_types_E],
            },
            schema_overrides={"user_id": pl.String, "item_id": pl.String, "event_type": pl.String},
        ).with_columns(synthetic=True)


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a session begins with: an item by how often sessions begin with it, or where a real history ended."""

    shares_A: NDArray[np.float64]
    """Of the listed items."""
    histories: Sequence[EncodedHistory] = ()
    """Where there are any, each session goes on from one of them; what is in them is not part of the session."""


def beginning(workshop: Workshop, asked: Filter | None = None, histories: Sequence[EncodedHistory] = ()) -> Beginning:
    """Raises RuleRefused for a filter that no listed item fits, ModelLacks."""
    rows = workshop.listed_rows_A
    counts_N = workshop.habits.first_N
    # what came after training has begun nothing yet
    counts_A = np.where(rows < len(counts_N), counts_N[np.minimum(rows, len(counts_N) - 1)], 0).astype(np.float64)
    if asked is not None:
        fits_A = workshop.fitting_rows(asked)[rows]
        if not fits_A.any():
            raise RuleRefused(("segment", "filter"), "is true of no item of the catalogue")
        counts_A = np.where(fits_A, counts_A, 0.0)
        if counts_A.sum() == 0:
            counts_A = fits_A.astype(np.float64)
    if counts_A.sum() == 0:
        counts_A = np.ones(len(rows))
    return Beginning(counts_A / counts_A.sum(), histories)


def walk(
    workshop: Workshop,
    begin: Beginning,
    num_sessions: int,
    seed: int,
    progress: Progress = NoProgress(),  # noqa: B008 - stateless
) -> Sessions:
    """So many sessions, each drawn event by event from the generator's own likelihood; the same for the same seed."""
    return _joined([each for block in _blocks(workshop, begin, num_sessions, seed, progress) for each in block])


def walked_frames(
    workshop: Workshop, begin: Beginning, num_sessions: int, seed: int, progress: Progress
) -> Iterator[pl.DataFrame]:
    """The same as rows, some sessions at a time: there may be more than memory holds."""
    first_user = 0
    for block in _blocks(workshop, begin, num_sessions, seed, progress):
        yield _joined(block).frame(workshop.recommender.item_ids, seed, first_user)
        first_user += len(block)


def _blocks(
    workshop: Workshop, begin: Beginning, num_sessions: int, seed: int, progress: Progress
) -> Iterator[list[EncodedHistory]]:
    progress.start("walking", total=num_sessions)
    for number, start in enumerate(range(0, num_sessions, SHOPPERS_PER_BLOCK)):
        size = min(SHOPPERS_PER_BLOCK, num_sessions - start)
        yield _walk_block(workshop, begin, size, np.random.default_rng([seed, number]))
        progress.advance(size)
    progress.finish()


def _joined(histories: Sequence[EncodedHistory]) -> Sessions:
    return Sessions(
        offsets_U1=np.concatenate([[0], np.cumsum([len(rows) for rows, _, _ in histories])]).astype(np.int64),
        item_rows_E=np.concatenate([rows for rows, _, _ in histories]),
        event_types_E=np.concatenate([types for _, types, _ in histories]),
        timestamps_E=np.concatenate([times for _, _, times in histories]),
    )


def mean_length(habits: Habits) -> float:
    """Events of a session that is made up by these habits, on average."""
    shares_L = _length_shares(habits)
    return float(shares_L @ (MIN_EVENTS + np.arange(len(shares_L))))


def _length_shares(habits: Habits) -> NDArray[np.float64]:
    """Of sessions of `MIN_EVENTS` events and more."""
    lengths_L = habits.lengths_L[MIN_EVENTS:].astype(np.float64)
    return np.asarray(lengths_L / lengths_L.sum() if lengths_L.sum() else np.eye(len(lengths_L))[0])


def _walk_block(workshop: Workshop, begin: Beginning, size: int, rng: np.random.Generator) -> list[EncodedHistory]:
    habits = workshop.habits
    shares_L = _length_shares(habits)
    lengths_B = MIN_EVENTS + rng.choice(len(shares_L), size, p=shares_L)
    known: list[EncodedHistory] = [
        begin.histories[place] if begin.histories else _nothing()
        for place in (rng.integers(len(begin.histories), size=size) if begin.histories else range(size))
    ]
    taken = [len(history[0]) for history in known]
    made_at = workshop.recommender.manifest.created_at.timestamp()
    now_B = np.array([max([made_at, *times]) for _, _, times in known]) + rng.random(size) * START_SECONDS
    for step in range(int(lengths_B.max())):
        active = np.flatnonzero(lengths_B > step)
        rows = _next_items(workshop, begin, [known[user] for user in active], rng)
        for user, row in zip(active, rows, strict=True):
            old_rows, types, times = known[user]
            if step:
                now_B[user] += _gap(habits.gap_quantiles_Q, rng)
            known[user] = (
                np.append(old_rows, row).astype(np.int32),
                np.append(types, _event_type(workshop, types, rng)).astype(np.int8),
                np.append(times, np.int64(min(now_B[user], LAST_SECONDS))),
            )
    return [
        (rows[first:], types[first:], times[first:]) for first, (rows, types, times) in zip(taken, known, strict=True)
    ]


def _next_items(
    workshop: Workshop, begin: Beginning, histories: Sequence[EncodedHistory], rng: np.random.Generator
) -> NDArray[np.int32]:
    """One drawn row for each history."""
    listed, recommender = workshop.listed_rows_A, workshop.recommender
    empty = [len(history[0]) == 0 for history in histories]
    if all(empty):
        return np.asarray(listed[rng.choice(len(listed), len(histories), p=begin.shares_A)])
    noise_B1Z = rng.standard_normal((len(histories), 1, workshop.noise_size)).astype(np.float32)
    _, wishes_B1D = workshop.wishes(histories, noise_B1Z)
    at_B1 = rng.random((len(histories), 1))
    seen = [row for row, _, _ in histories] if recommender.manifest.exclude_seen else [listed[:0]] * len(histories)
    block = max(1, SHARES_PER_BLOCK // len(listed))
    drawn = [
        _drawn(workshop, wishes_B1D[some, 0], seen[some], at_B1[some])
        for some in (slice(start, start + block) for start in range(0, len(histories), block))
    ]
    return np.asarray(listed[np.concatenate(drawn)])


def _drawn(
    workshop: Workshop, wishes_BD: NDArray[np.float32], seen: Sequence[NDArray[np.int32]], at_B1: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Places among the listed items, where the summed shares of those that were not seen reach `at_B1`."""
    listed = workshop.listed_rows_A
    sharpness = workshop.source.similarity_scale / workshop.temperature
    logits_BA = np.float32(sharpness) * (wishes_BD @ workshop.features_AD.T)
    for user, rows in enumerate(seen):
        places = np.searchsorted(listed, np.intersect1d(rows, listed))
        if len(places) < len(listed):  # who had everything begins again
            logits_BA[user, places] = -np.inf
    logits_BA -= logits_BA.max(axis=1, keepdims=True)
    mass_BA = np.exp(logits_BA, out=logits_BA).cumsum(axis=1, dtype=np.float64)
    return np.asarray(np.minimum((mass_BA <= at_B1 * mass_BA[:, -1:]).sum(axis=1), len(listed) - 1))


def _event_type(workshop: Workshop, types: NDArray[np.int8], rng: np.random.Generator) -> int:
    habits = workshop.habits
    counts_T = habits.type_steps_TT[types[-1]] if len(types) else habits.first_types_T
    if not counts_T.sum():
        counts_T = habits.first_types_T
    shares_T = counts_T / counts_T.sum() if counts_T.sum() else np.eye(len(EVENT_TYPES))[EVENT_TYPES.index("purchase")]
    return int(rng.choice(len(shares_T), p=shares_T))


def _gap(quantiles_Q: NDArray[np.float64], rng: np.random.Generator) -> float:
    return float(np.interp(rng.random() * (NUM_QUANTILES - 1), np.arange(NUM_QUANTILES), quantiles_Q))


def _nothing() -> EncodedHistory:
    return np.empty(0, np.int32), np.empty(0, np.int8), np.empty(0, np.int64)
