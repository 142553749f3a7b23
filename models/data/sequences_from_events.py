"""Event tables → sequences: who did what, oldest first."""

# U users, E events of all users, C categories of a column

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.data.dataset import Dataset, TimeMeaning
from models.data.sequences import Sequences
from models.domain.events import EVENT_TYPES, HISTORY_EVENT_TYPES

EVENT_TYPE_ENUM = pl.Enum(EVENT_TYPES)


def build_sequences(dataset: Dataset, *, seed: int) -> Sequences:
    """Histories of all users with at least one history event; impressions and dislikes are left out.

    Where times are real, a user's events with the same timestamp are shuffled by `seed`: the order inside a basket is
    an artefact of the file (often ascending product numbers), and a model that learned it would look better than it is.
    Where times only stand for positions, the order is kept and timestamps are -1.
    """
    return sequences_from_events(
        dataset.events, dataset.catalogue["item_id"].to_list(), time=dataset.info.time, seed=seed
    )


def sequences_from_events(
    events: pl.DataFrame,
    item_ids: Sequence[str],
    *,
    time: TimeMeaning,
    seed: int,
    ties_E: NDArray[np.uint64] | None = None,
) -> Sequences:
    """Sequences whose item rows are places in `item_ids`; events of items that are not there are left out.

    `events` as in `Dataset.events`: ordered by user, then time. `ties_E` orders those of one moment; drawn by the seed
    where it is None.
    """
    types_E = events["event_type"].cast(EVENT_TYPE_ENUM).to_physical().to_numpy().astype(np.int8)
    items_E = _item_rows(events["item_id"], item_ids)
    history_types = [EVENT_TYPES.index(event_type) for event_type in HISTORY_EVENT_TYPES]
    kept_E = np.isin(types_E, history_types) & (items_E >= 0)
    users_E, user_ids = _user_numbers(events["user_id"].filter(pl.Series(kept_E)))
    micros_E = events["timestamp"].dt.epoch("us").to_numpy()[kept_E]
    items_E, types_E = items_E[kept_E], types_E[kept_E]
    if time == "real":
        draws_E = np.random.default_rng(seed).random(len(users_E)) if ties_E is None else ties_E[kept_E]
        order_E = np.lexsort((draws_E, micros_E, users_E))
        items_E, types_E, micros_E = items_E[order_E], types_E[order_E], micros_E[order_E]
        seconds_E = micros_E // 1_000_000
    else:
        seconds_E = np.full(len(users_E), -1, dtype=np.int64)
    lengths_U = np.bincount(users_E, minlength=len(user_ids))
    return Sequences(
        user_ids=user_ids,
        offsets_U1=np.concatenate([[0], np.cumsum(lengths_U)]).astype(np.int64),
        item_rows_E=items_E,
        event_types_E=types_E,
        timestamps_E=seconds_E,
    )


def _item_rows(item_id: pl.Series, item_ids: Sequence[str]) -> NDArray[np.int32]:
    """Place of each event's item in `item_ids`, -1 where it is not there."""
    codes_E, known_C = _codes(item_id)
    row_of = {item: row for row, item in enumerate(item_ids)}
    rows_C = np.array([row_of.get(known, -1) for known in known_C], dtype=np.int32)
    return rows_C[codes_E] if len(rows_C) else np.empty(0, dtype=np.int32)


def _user_numbers(user_id: pl.Series) -> tuple[NDArray[np.int64], list[str]]:
    """Users numbered in order of appearance; ids without an event get no number."""
    codes_E, known_C = _codes(user_id)
    used_C, first_E = np.unique(codes_E, return_index=True)
    used_C = used_C[np.argsort(first_E)]
    number_of_C = np.full(len(known_C), -1, dtype=np.int64)
    number_of_C[used_C] = np.arange(len(used_C))
    return number_of_C[codes_E], [known_C[code] for code in used_C]


def _codes(ids: pl.Series) -> tuple[NDArray[np.int64], list[str]]:
    """Each row's category number and the categories."""
    if not isinstance(ids.dtype, pl.Enum):
        ids = ids.cast(pl.Enum(ids.cast(pl.String).unique(maintain_order=True)))
    assert isinstance(ids.dtype, pl.Enum)
    return ids.to_physical().to_numpy().astype(np.int64), ids.dtype.categories.to_list()
