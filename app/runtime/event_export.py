"""Stored events as the events' file of a dataset, a piece at a time: ten million never lie in memory."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

import polars as pl

from app.store.event_rows import Event
from app.store.events import EventStore
from app.store.held_file import NEW_FILE_MODE

GUEST: Final = "guest-"
GUEST_CHARACTERS: Final = 32
"""Of a digest: an id with something before it could be longer than ids may be."""
COLUMNS: Final = {
    "user_id": pl.String,
    "item_id": pl.String,
    "timestamp": pl.String,
    "event_type": pl.String,
    "event_id": pl.String,
    "session_id": pl.String,
    "quantity": pl.Float64,
    "unit_price": pl.Float64,
    "rating": pl.Float64,
}
"""The dataset's, in its order; times as text, ISO 8601."""


class Exported(NamedTuple):
    """What was written."""

    num_events: int
    num_guest_events: int
    """Of sessions that no account has."""


async def export_events(events: EventStore, out: Path) -> Exported:
    """Written beside its place, then moved there, for its owner alone. `out` ends in .parquet, .csv or .jsonl."""
    num_events = num_guest_events = 0
    # nobody else reads the folder, and two exports at once have two
    with TemporaryDirectory(prefix=f".unfinished-{out.name}-", dir=out.parent) as unfinished:
        rows, whole = Path(unfinished) / "rows", Path(unfinished) / "whole"
        with rows.open("wb") as file:
            async for piece in events.all():
                _frame(piece).write_ndjson(file)
                num_events += len(piece)
                num_guest_events += sum(event.user_id is None for event in piece)
        _convert(rows, whole, out.suffix)
        whole.chmod(NEW_FILE_MODE)
        whole.replace(out)
    return Exported(num_events, num_guest_events)


def _frame(events: Sequence[Event]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "user_id": [event.user_id or guest_id(event.session_id or "") for event in events],
            "item_id": [event.item_id for event in events],
            "timestamp": [event.timestamp.isoformat() for event in events],
            "event_type": [event.event_type for event in events],
            # two visitors may have sent the same one with a publishable key, and training would drop the second event
            "event_id": [None if event.has_public_id else event.event_id for event in events],
            "session_id": [event.session_id for event in events],
            "quantity": [event.quantity for event in events],
            "unit_price": [event.unit_price for event in events],
            "rating": [event.rating for event in events],
        },
        schema=COLUMNS,
        strict=False,
    )


def guest_id(session_id: str) -> str:
    """A shopper for a session that no account has; no account's id by accident."""
    return GUEST + hashlib.sha256(session_id.encode()).hexdigest()[:GUEST_CHARACTERS]


def _convert(rows: Path, out: Path, suffix: str) -> None:
    """The lines in the format of the suffix, without reading all of them at once."""
    if suffix == ".jsonl":
        rows.replace(out)
        return
    has_lines = rows.stat().st_size > 0
    table = pl.scan_ndjson(rows, schema=COLUMNS) if has_lines else pl.LazyFrame(schema=COLUMNS)
    if suffix == ".csv":
        table.sink_csv(out)
    else:
        table.sink_parquet(out)
