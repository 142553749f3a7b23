"""Histories to arrays: the one path by which a shopper's events become numbers."""

# B users, L events, X events of whole histories, D features

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.data.sequences import Sequences
from models.domain.events import EVENT_TYPES
from models.domain.item_rows import NO_ITEM
from models.domain.layered_rows import Rows
from models.features.taken import TakenItems

GAP_EDGES_SECONDS: Final = (60, 3_600, 86_400, 3 * 86_400, 7 * 86_400, 14 * 86_400, 30 * 86_400, 90 * 86_400)
"""Upper edges of the buckets for the time since the event before: minute, hour, day … quarter."""
UNKNOWN_GAP: Final = 0
NUM_GAP_BUCKETS: Final = len(GAP_EDGES_SECONDS) + 2
"""The unknown gap, one bucket below each edge, and one above the last."""
NUM_EVENT_TYPES: Final = len(EVENT_TYPES)


@dataclass(frozen=True, slots=True)
class HistoryBatch:
    """B histories of at most L events, right-aligned: the newest event stands in the last column."""

    item_rows_BL: NDArray[np.int32]
    """-1 where a history is shorter than L."""
    event_types_BL: NDArray[np.int64]
    gaps_BL: NDArray[np.int64]
    """Bucket of the time since the event before; 0 where unknown."""
    timestamps_BL: NDArray[np.int64]
    """Epoch seconds; -1 where unknown, and everywhere where times are not used."""
    taken: TakenItems | None = None
    """What was taken before, older events too; None where nobody may be offered it again."""
    older_BX: NDArray[np.int32] | None = None
    """Item rows of the events before those, -1 where there are none and for whoever may be offered them again."""

    @property
    def had_BX(self) -> NDArray[np.int32]:
        """Item rows of all events that are known here, older ones too, -1 beyond the last."""
        if self.older_BX is None:
            return self.item_rows_BL
        return np.concatenate([self.older_BX, self.item_rows_BL], axis=1)

    @property
    def lengths_B(self) -> NDArray[np.int64]:
        """Events of each."""
        return np.asarray((self.item_rows_BL != NO_ITEM).sum(axis=1), np.int64)

    def newest(self, users: Any, length: int) -> "HistoryBatch":
        """Some of the users, as NumPy indexes them, and only the last columns."""
        return HistoryBatch(
            item_rows_BL=self.item_rows_BL[users, -length:],
            event_types_BL=self.event_types_BL[users, -length:],
            gaps_BL=self.gaps_BL[users, -length:],
            timestamps_BL=self.timestamps_BL[users, -length:],
            taken=None if self.taken is None else self.taken.of_users(users),
            older_BX=None if self.older_BX is None else self.older_BX[users],
        )

    def as_inputs(self, item_features_ND: Rows) -> dict[str, NDArray[Any]]:
        """The arrays under the names of the generator's inputs; a missing event has a zero feature and mask 0."""
        present_BL = self.item_rows_BL != NO_ITEM
        features_BLD = item_features_ND[np.where(present_BL, self.item_rows_BL, 0)]
        features_BLD[~present_BL] = 0.0
        return {
            "history_features": features_BLD,
            "history_mask": present_BL,
            "event_types": self.event_types_BL,
            "gaps": self.gaps_BL,
        }


def gap_buckets(timestamps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Bucket for each event of one history, oldest first; the first event, and any without a time, is unknown."""
    buckets = np.zeros(len(timestamps), np.int64)
    if len(timestamps) > 1:
        known = (timestamps[1:] >= 0) & (timestamps[:-1] >= 0)
        gaps = np.maximum(timestamps[1:] - timestamps[:-1], 0)
        buckets[1:] = np.where(known, 1 + np.searchsorted(GAP_EDGES_SECONDS, gaps, side="right"), UNKNOWN_GAP)
    return buckets


def encode_histories(
    histories: Sequence[tuple[NDArray[np.int32], NDArray[np.int8], NDArray[np.int64]]],
    *,
    max_events: int,
    uses_time: bool,
    looks_back: Sequence[bool] = (),
) -> HistoryBatch:
    """The newest `max_events` of each (item rows, event types, timestamps), each oldest first, right-aligned.

    L is the longest kept history (at least 1), so short histories cost little. `looks_back`: of each, whether what it
    took before may be offered again and so counts too, older events included; of none where it is empty.
    """
    length = max(1, min(max_events, max((len(rows) for rows, _, _ in histories), default=1)))
    batch = HistoryBatch(
        item_rows_BL=np.full((len(histories), length), NO_ITEM, np.int32),
        event_types_BL=np.zeros((len(histories), length), np.int64),
        gaps_BL=np.full((len(histories), length), UNKNOWN_GAP, np.int64),
        timestamps_BL=np.full((len(histories), length), -1, np.int64),
    )
    for user, (rows, event_types, timestamps) in enumerate(histories):
        kept = min(len(rows), length)
        if kept == 0:
            continue
        batch.item_rows_BL[user, -kept:] = rows[-kept:]
        batch.event_types_BL[user, -kept:] = event_types[-kept:]
        if uses_time:
            batch.gaps_BL[user, -kept:] = gap_buckets(timestamps[-kept:])
            batch.timestamps_BL[user, -kept:] = timestamps[-kept:]
    return replace(
        batch,
        taken=_taken(histories, looks_back, uses_time) if any(looks_back) else None,
        older_BX=_older([rows for rows, _, _ in histories], looks_back or [False] * len(histories), length),
    )


def _older(rows: Sequence[NDArray[np.int32]], looks_back: Sequence[bool], length: int) -> NDArray[np.int32] | None:
    """The distinct items before the newest `length` of each that does not look back; None where nobody has any."""
    older = [
        each[:0] if looks or len(each) <= length else np.unique(each[:-length])
        for each, looks in zip(rows, looks_back, strict=True)
    ]
    most = max(map(len, older), default=0)
    if most == 0:
        return None
    older_BX = np.full((len(older), most), NO_ITEM, np.int32)
    for user, each in enumerate(older):
        older_BX[user, : len(each)] = each
    return older_BX


def _taken(
    histories: Sequence[tuple[NDArray[np.int32], NDArray[np.int8], NDArray[np.int64]]],
    looks_back: Sequence[bool],
    uses_time: bool,
) -> TakenItems:
    kept = [slice(None) if is_asked else slice(0) for is_asked in looks_back]
    return TakenItems.of(
        [
            (rows[part], timestamps[part] if uses_time else np.full(len(rows[part]), -1, np.int64))
            for (rows, _, timestamps), part in zip(histories, kept, strict=True)
        ]
    )


def encode_spans(
    sequences: Sequences,
    starts_B: NDArray[np.int64],
    stops_B: NDArray[np.int64],
    *,
    max_events: int,
    uses_time: bool,
    looks_back: bool = False,
) -> HistoryBatch:
    """The newest `max_events` of each span of event numbers as a history; `looks_back` as in `encode_histories`."""
    spans = [slice(start, stop) for start, stop in zip(starts_B, stops_B, strict=True)]
    return encode_histories(
        [(sequences.item_rows_E[each], sequences.event_types_E[each], sequences.timestamps_E[each]) for each in spans],
        max_events=max_events,
        uses_time=uses_time,
        looks_back=[looks_back] * len(spans),
    )
