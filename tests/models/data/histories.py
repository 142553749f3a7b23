"""Sequences for tests: written down by hand, or drawn by hypothesis."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from models.data.sequences import Sequences
from models.domain.events import EVENT_TYPES, EventType


def sequences_of(histories: dict[str, list[tuple[int, int]]]) -> Sequences:
    """One user a key; each event is (item row, epoch seconds)."""
    events = [event for history in histories.values() for event in history]
    return Sequences(
        user_ids=list(histories),
        offsets_U1=np.cumsum([0, *map(len, histories.values())]).astype(np.int64),
        item_rows_E=np.array([item for item, _ in events], dtype=np.int32),
        event_types_E=np.full(len(events), 3, dtype=np.int8),
        timestamps_E=np.array([time for _, time in events], dtype=np.int64),
    )


def with_types(sequences: Sequences, names: Sequence[EventType]) -> Sequences:
    """The same events, of these types in turn."""
    numbers = [EVENT_TYPES.index(name) for name in names]
    return replace(sequences, event_types_E=np.resize(np.array(numbers, np.int8), sequences.num_events))


@st.composite
def any_sequences(draw: st.DrawFn) -> Sequences:
    """Up to 8 users with up to 12 events, oldest first, ties included."""
    event = st.tuples(st.integers(0, 15), st.integers(0, 40))
    drawn = draw(st.lists(st.lists(event, min_size=1, max_size=12), min_size=1, max_size=8))
    return sequences_of({f"u{n}": sorted(history, key=lambda pair: pair[1]) for n, history in enumerate(drawn)})


def events_of(sequences: Sequences, user: int) -> list[tuple[int, int]]:
    """(item row, time) of one user's events."""
    owned = slice(sequences.offsets_U1[user], sequences.offsets_U1[user + 1])
    return list(zip(sequences.item_rows_E[owned].tolist(), sequences.timestamps_E[owned].tolist(), strict=True))
