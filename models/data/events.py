"""The events' file → checked events, a batch at a time, so that ten million of them fit into little memory."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from models.data.check import Findings
from models.data.columns import read_numbers, read_text
from models.data.ids import id_text, unusable_ids
from models.data.sequences_from_events import EVENT_TYPE_ENUM
from models.data.table_files import batches
from models.data.table_rows import ROW, Table, open_table, read_rows
from models.data.timestamps import read_instants
from models.domain.events import EVENT_ALIASES, EVENT_TYPES, HISTORY_EVENT_TYPES

REQUIRED_COLUMNS: Final = ("user_id", "item_id", "timestamp")
NUMBER_COLUMNS: Final = ("quantity", "unit_price", "rating")
OPTIONAL_COLUMNS: Final = ("event_type", "event_id", "session_id", *NUMBER_COLUMNS)
DEFAULT_EVENT_TYPE: Final = "purchase"
CLOCK_TOLERANCE: Final = timedelta(days=1)
"""Shops' clocks differ by hours, not by days: only later than this counts as the future."""
DROPPED: Final = "event dropped"


@dataclass(frozen=True, slots=True)
class ReadEvents:
    """Usable events, ordered by user, time and place in the file, and the number of rows dropped."""

    events: pl.DataFrame
    num_dropped: int


def read_events(
    file: Path, renamed: Mapping[str, str], findings: Findings, *, item_ids: pl.Series | None, times_are_real: bool
) -> ReadEvents | None:
    """None where the file cannot be used. Without `item_ids` every item is taken."""
    table = open_table(file, REQUIRED_COLUMNS, OPTIONAL_COLUMNS, renamed, findings)
    if table is None:
        return None
    # Polars' own names for what a spreadsheet's trailing commas make
    named = [name for name in table.others if name and not name.startswith("_duplicated_")]
    findings.note_unread(file.name, "columns", named)
    return read_rows(
        table,
        lambda source: batches(source, list(table.source_of.values())),
        lambda found, num_broken: _EventReader(
            table, found, item_ids, num_broken=num_broken, times_are_real=times_are_real
        ),
        findings,
    )


class _EventReader:
    """Ids are kept as numbers of a dictionary (Categorical, Enum): 12 to 16 bytes an event instead of 50 and more."""

    def __init__(
        self, table: Table, findings: Findings, item_ids: pl.Series | None, *, num_broken: int, times_are_real: bool
    ) -> None:
        self._file = table.file.name
        self._findings = findings
        self._times_are_real = times_are_real
        self._user_dtype = pl.Categorical(pl.Categories.random())
        self._session_dtype = pl.Categorical(pl.Categories.random())
        self._item_dtype: pl.DataType = pl.Categorical(pl.Categories.random())
        if item_ids is not None:
            self._item_dtype = pl.Enum(item_ids)
        self._batches: list[pl.DataFrame] = []
        self._num_rows = num_broken

    def take(self, rows: pl.DataFrame) -> None:
        self._num_rows += rows.height
        if rows.is_empty():
            return
        numbers = rows[ROW]
        users = id_text(rows["user_id"]).cast(self._user_dtype)
        unusable = unusable_ids(users, numbers, self._findings, file=self._file, column="user_id", dropped=DROPPED)
        items, unusable_items = self._items(rows)
        times, unusable_times = self._times(rows)
        types, unusable_types = self._types(rows)
        kept = {
            ROW: numbers,
            "user_id": users,
            "item_id": items,
            "timestamp": times,
            "event_type": types,
            **self._optional(rows),
        }
        usable = ~(unusable | unusable_items | unusable_times | unusable_types)
        self._batches.append(pl.DataFrame(kept).filter(usable))

    def finish(self) -> ReadEvents | None:
        if self._num_rows == 0:
            self._findings.fatal(self._file, "the file has no rows")
            return None
        columns = self._without_duplicates()
        if not columns or columns[ROW].is_empty():
            self._findings.fatal(self._file, "no event is usable")
            return None
        self._note_future(columns)
        events = _ordered(columns)
        self._note_single_events(events)
        return ReadEvents(events=events, num_dropped=self._num_rows - events.height)

    def _items(self, rows: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
        numbers = rows[ROW]
        text = id_text(rows["item_id"])
        items = text.cast(self._item_dtype, strict=False)
        nowhere = items.is_null()
        if not isinstance(self._item_dtype, pl.Enum):
            return items, unusable_ids(
                items, numbers, self._findings, file=self._file, column="item_id", dropped=DROPPED
            )
        if not nowhere.any():
            return items, nowhere
        # What the catalogue holds is a good id, so only the rest is looked at.
        rest, rest_numbers = text.filter(nowhere), numbers.filter(nowhere)
        bad = unusable_ids(rest, rest_numbers, self._findings, file=self._file, column="item_id", dropped=DROPPED)
        self._findings.note_rows(
            ~bad,
            rest_numbers,
            file=self._file,
            column="item_id",
            what="unknown item",
            consequence=DROPPED,
            values=rest,
        )
        return items, nowhere

    def _times(self, rows: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
        values, numbers = rows["timestamp"], rows[ROW]
        instants = read_instants(values)
        self._findings.note_rows(
            values.is_null(),
            numbers,
            file=self._file,
            column="timestamp",
            what="no time",
            consequence=DROPPED,
        )
        self._findings.note_rows(
            instants.utc.is_null() & values.is_not_null(),
            numbers,
            file=self._file,
            column="timestamp",
            what="not a time between 1970 and 2200 (ISO 8601 or epoch seconds; milliseconds are not read)",
            consequence=DROPPED,
            values=values,
        )
        self._findings.note_rows(
            instants.without_zone,
            numbers,
            file=self._file,
            column="timestamp",
            what="time without zone",
            consequence="read as UTC",
            severity="assumed",
            values=values,
        )
        return instants.utc, instants.utc.is_null()

    def _types(self, rows: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
        if "event_type" not in rows.columns:
            types = pl.repeat(DEFAULT_EVENT_TYPE, rows.height, dtype=pl.String, eager=True).cast(EVENT_TYPE_ENUM)
            return types, types.is_null()
        text = rows["event_type"].cast(pl.String, strict=False)
        empty = (text.is_null() | (text == "")).fill_null(True)
        self._findings.note_rows(
            empty,
            rows[ROW],
            file=self._file,
            column="event_type",
            what="no event type",
            consequence=f"read as {DEFAULT_EVENT_TYPE}",
            severity="assumed",
        )
        types = text.replace(dict(EVENT_ALIASES)).cast(EVENT_TYPE_ENUM, strict=False)
        types = pl.select(pl.when(empty).then(pl.lit(DEFAULT_EVENT_TYPE, EVENT_TYPE_ENUM)).otherwise(types)).to_series()
        self._findings.note_rows(
            types.is_null(),
            rows[ROW],
            file=self._file,
            column="event_type",
            what=f"unknown event type; known: {', '.join(EVENT_TYPES)}",
            consequence=DROPPED,
            values=text,
        )
        return types, types.is_null()

    def _optional(self, rows: pl.DataFrame) -> dict[str, pl.Series]:
        kept: dict[str, pl.Series] = {}
        if "event_id" in rows.columns:
            kept["event_id"] = read_text(id_text(rows["event_id"]))
        if "session_id" in rows.columns:
            kept["session_id"] = read_text(id_text(rows["session_id"])).cast(self._session_dtype)
        for column in NUMBER_COLUMNS:
            if column in rows.columns:
                least = 0 if column == "unit_price" else None
                kept[column] = read_numbers(
                    rows[column], rows[ROW], self._findings, file=self._file, column=column, least=least
                )
        return kept

    def _without_duplicates(self) -> dict[str, pl.Series]:
        """All columns; events whose id came before are dropped."""
        if not self._batches:
            return {}
        events = pl.concat(self._batches)
        self._batches.clear()
        if "event_id" in events.columns and _may_repeat(events["event_id"]):
            again = ~events["event_id"].is_first_distinct() & events["event_id"].is_not_null()
            self._findings.note_rows(
                again,
                events[ROW],
                file=self._file,
                column="event_id",
                what="duplicate event_id",
                consequence="the first one is kept",
                values=events["event_id"],
            )
            events = events.filter(~again)
        return {name: events[name] for name in events.columns}

    def _note_future(self, columns: Mapping[str, pl.Series]) -> None:
        if not self._times_are_real:
            return
        self._findings.note_rows(
            columns["timestamp"] > datetime.now(UTC) + CLOCK_TOLERANCE,
            columns[ROW],
            file=self._file,
            column="timestamp",
            what="time in the future",
            consequence="kept",
            severity="note",
            values=columns["timestamp"],
        )

    def _note_single_events(self, events: pl.DataFrame) -> None:
        is_history = events["event_type"].is_in(list(HISTORY_EVENT_TYPES))
        lengths = events["user_id"].to_physical().filter(is_history).value_counts()
        single = int((lengths["count"] == 1).sum())
        if single:
            self._findings.note_single_event_histories(self._file, single)


def _may_repeat(ids: pl.Series) -> bool:
    """False where no id comes twice; sorted 64-bit digests tell, in a tenth of the memory of a set of texts."""
    digests = np.sort(ids.drop_nulls().hash().to_numpy())
    return bool((digests[1:] == digests[:-1]).any())


def _ordered(columns: dict[str, pl.Series]) -> pl.DataFrame:
    """Events by user id, time and row, ids as Enum; column after column, so that two copies never exist at once."""
    columns["user_id"] = _as_enum(columns["user_id"])
    columns["item_id"] = _as_enum(columns["item_id"])
    keys = pl.DataFrame([columns["user_id"].to_physical(), columns["timestamp"], columns.pop(ROW)])
    order = keys.select(pl.arg_sort_by(*keys.columns)).to_series()
    del keys
    # Rechunked first: to pick rows at random out of a hundred chunks takes several times as long.
    return pl.DataFrame([columns.pop(name).rechunk().gather(order).alias(name) for name in list(columns)])


def _as_enum(ids: pl.Series) -> pl.Series:
    """Categories in the order of their text, so that the order of ids does not depend on who came first."""
    if isinstance(ids.dtype, pl.Enum):
        return ids
    return ids.cast(pl.Enum(ids.unique().cast(pl.String).sort()))
