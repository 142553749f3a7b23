"""A dataset in memory: catalogue, events and where they come from."""

from dataclasses import dataclass
from typing import Literal

import polars as pl

TimeMeaning = Literal["real", "order"]


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """What `dataset.json` tells."""

    name: str
    source: str | None = None
    licence: str | None = None
    time: TimeMeaning = "real"
    """`order`: timestamps only stand for positions, so nothing that needs an instant is allowed."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """Checked tables; what could not be used is gone, and the report that came with it says how much."""

    info: DatasetInfo
    catalogue: pl.DataFrame
    """One row an item, `item_id` unique (String); the row number is the `item_row` used everywhere else."""
    events: pl.DataFrame
    """`user_id` (Enum, ids in alphabetical order), `item_id` (Enum, ids in the catalogue's order, so that its physical
    values are item rows), `timestamp` (Datetime[us, UTC]), `event_type` (Enum of `EVENT_TYPES`) and those of
    `event_id`, `session_id`, `quantity`, `unit_price`, `rating` that the file has; ordered by user, then time, then
    place in the file. Enums take a fifth of the memory of text; `.cast(pl.String)` gives the text."""
    digest: str
    """SHA-256 of the checked tables: the same data read from CSV or Parquet has the same digest."""
