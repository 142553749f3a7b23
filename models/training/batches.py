"""Sequences to training batches: windows, bucketed by length, each position predicting the next item."""

# B users, L events, P positions, M masked pairs, T taught items

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from models.data.sequences import Sequences
from models.domain.item_rows import NO_ITEM
from models.features.histories import UNKNOWN_GAP, HistoryBatch, encode_spans
from models.training.config import TrainingConfig
from models.training.teacher import TaughtLists

BUCKETED_BATCHES = 40
"""Windows are sorted by length within this many batches' worth: little padding, still random company."""


@dataclass(frozen=True, slots=True)
class TrainingBatch:
    """Histories, and at every position with a next item that item."""

    history: HistoryBatch
    positions_P2: NDArray[np.int64]
    """(row, column) of each predicting position."""
    targets_P: NDArray[np.int32]
    """Item rows that really came next."""
    masked_positions_M: NDArray[np.int64]
    """With `masked_items_M`: pairs (position number, item row) that are out of the softmax, sorted by position."""
    masked_items_M: NDArray[np.int32]
    taught_rows_PT: NDArray[np.int32]
    """The teacher's list after each position, -1 beyond its last item; T is 0 without a teacher."""
    taught_shares_PT: NDArray[np.float32]
    """Its probabilities; all 0 where there is no list."""


def epoch_batches(
    sequences: Sequences,
    config: TrainingConfig,
    *,
    epoch: int,
    max_events: int,
    uses_time: bool,
    mask_seen: bool,
    taught: TaughtLists | None = None,
    share: Callable[[NDArray[np.int64]], NDArray[np.int64]] = lambda windows_B2: windows_B2,
) -> Iterator[TrainingBatch]:
    """Batches of one epoch; the same for the same seed and epoch, whatever ran before.

    `share` takes this process's windows of each batch, where several train together.
    """
    rng = np.random.default_rng((config.seed, epoch))
    groups = _epoch_groups(sequences, config, max_events, rng)
    for group in rng.permutation(len(groups)):
        yield _batch(
            sequences,
            share(groups[group]),
            max_events=max_events,
            uses_time=uses_time and rng.random() >= config.time_dropout,
            mask_seen=mask_seen,
            taught=taught,
        )


def count_batches(sequences: Sequences, config: TrainingConfig, *, epochs: int, max_events: int) -> int:
    """Batches of the first `epochs` epochs together; no history is encoded for it."""
    return sum(
        len(_epoch_groups(sequences, config, max_events, np.random.default_rng((config.seed, epoch))))
        for epoch in range(epochs)
    )


def _epoch_groups(
    sequences: Sequences, config: TrainingConfig, max_events: int, rng: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Windows of one epoch, grouped into batches."""
    windows_W2 = _windows(sequences, max_events, rng)
    rng.shuffle(windows_W2)
    positions_W = windows_W2[:, 1] - windows_W2[:, 0] - 1
    kept = np.searchsorted(np.cumsum(positions_W), config.positions_per_epoch) + 1
    return _bucketed(windows_W2[:kept], config)


def _windows(sequences: Sequences, max_events: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """(start, stop) of windows of at most max_events + 1 events; each next-item position falls in exactly one."""
    windows: list[tuple[int, int]] = []
    offsets = sequences.offsets_U1
    for user in np.flatnonzero(sequences.lengths_U >= 2):
        start, stop = int(offsets[user]), int(offsets[user + 1])
        positions = stop - start - 1
        first = positions if positions <= max_events else int(rng.integers(1, max_events + 1))
        cuts = [0, *range(first, positions, max_events), positions]
        windows += [(start + left, start + right + 1) for left, right in pairwise(cuts)]
    return np.array(windows, np.int64).reshape(-1, 2)


def _bucketed(windows_W2: NDArray[np.int64], config: TrainingConfig) -> list[NDArray[np.int64]]:
    """Groups of windows of about equal length, within the batch limits on users and positions."""
    groups: list[NDArray[np.int64]] = []
    pool = BUCKETED_BATCHES * config.users_per_batch
    for begin in range(0, len(windows_W2), pool):
        part = windows_W2[begin : begin + pool]
        part = part[np.argsort(part[:, 1] - part[:, 0], kind="stable")]
        place = 0
        while place < len(part):
            users = config.users_per_batch
            longest = int(np.ptp(part[min(place + users, len(part)) - 1]))
            users = max(1, min(users, config.positions_per_batch // longest))
            groups.append(part[place : place + users])
            place += users
    return groups


def _batch(
    sequences: Sequences,
    windows_B2: NDArray[np.int64],
    *,
    max_events: int,
    uses_time: bool,
    mask_seen: bool,
    taught: TaughtLists | None,
) -> TrainingBatch:
    whole = encode_spans(sequences, *windows_B2.T, max_events=max_events + 1, uses_time=uses_time)
    history = HistoryBatch(
        item_rows_BL=whole.item_rows_BL[:, :-1],
        event_types_BL=whole.event_types_BL[:, :-1],
        gaps_BL=whole.gaps_BL[:, :-1] if uses_time else np.full_like(whole.gaps_BL[:, :-1], UNKNOWN_GAP),
        timestamps_BL=whole.timestamps_BL[:, :-1],
    )
    positions_P2 = np.argwhere(history.item_rows_BL != NO_ITEM)
    targets_P = whole.item_rows_BL[positions_P2[:, 0], positions_P2[:, 1] + 1]
    masked_positions_M, masked_items_M = _seen_pairs(history.item_rows_BL, positions_P2, targets_P, mask_seen)
    events_P = windows_B2[positions_P2[:, 0], 1] - whole.item_rows_BL.shape[1] + positions_P2[:, 1]
    return TrainingBatch(
        history, positions_P2, targets_P, masked_positions_M, masked_items_M, *_taught_after(events_P, taught)
    )


def _taught_after(
    events_P: NDArray[np.int64], taught: TaughtLists | None
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    if taught is None:
        return np.empty((len(events_P), 0), np.int32), np.empty((len(events_P), 0), np.float32)
    lists_P1 = taught.list_of_E[events_P][:, None]
    rows_PT, shares_PT = taught.rows_LT[lists_P1[:, 0]], taught.shares_LT[lists_P1[:, 0]].astype(np.float32)
    return np.where(lists_P1 >= 0, rows_PT, NO_ITEM), np.where(lists_P1 >= 0, shares_PT, 0.0).astype(np.float32)


def _seen_pairs(
    item_rows_BL: NDArray[np.int32], positions_P2: NDArray[np.int64], targets_P: NDArray[np.int32], mask_seen: bool
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Every (position, item already in that history), but never the target itself."""
    if not mask_seen:
        return np.empty(0, np.int64), np.empty(0, np.int32)
    rows_PL = item_rows_BL[positions_P2[:, 0]]
    columns_L = np.arange(item_rows_BL.shape[1])
    seen_PL = (columns_L <= positions_P2[:, 1:]) & (rows_PL != NO_ITEM) & (rows_PL != targets_P[:, None])
    positions_M, columns_M = np.nonzero(seen_PL)
    return positions_M, rows_PL[positions_M, columns_M]
