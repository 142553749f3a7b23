"""Dataset folders for tests, written down by hand in any format."""

import csv
import json
from pathlib import Path
from typing import Any

import polars as pl

Row = dict[str, Any]

ITEMS: list[Row] = [
    {"item_id": "a", "title": "Apple", "price": 1.5, "colour": "red"},
    {"item_id": "b", "title": "Bread", "price": 2.0, "colour": None},
    {"item_id": "c", "title": "Cheese, hard", "price": 3.25, "colour": "yellow"},
]
EVENTS: list[Row] = [
    {"user_id": "u1", "item_id": "a", "timestamp": "2026-01-01T10:00:00Z", "event_type": "purchase"},
    {"user_id": "u2", "item_id": "b", "timestamp": "2026-01-01T11:00:00Z", "event_type": "view"},
    {"user_id": "u1", "item_id": "c", "timestamp": "2026-01-02T10:00:00Z", "event_type": "purchase"},
    {"user_id": "u2", "item_id": "a", "timestamp": "2026-01-03T10:00:00Z", "event_type": "click"},
]


def write_rows(file: Path, rows: list[Row]) -> Path:
    """The rows in the format that the file's name says; columns are those of the first row."""
    if file.suffix == ".jsonl":
        file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    elif file.suffix == ".csv":
        with file.open("w", encoding="utf-8", newline="") as out:
            writer = csv.DictWriter(out, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    else:
        pl.DataFrame(rows, infer_schema_length=None).write_parquet(file)
    return file


def write_shop(
    folder: Path, *, items: list[Row] = ITEMS, events: list[Row] = EVENTS, suffix: str = ".csv", info: Any = None
) -> Path:
    """A dataset folder of those rows."""
    folder.mkdir(parents=True, exist_ok=True)
    write_rows(folder / f"catalogue{suffix}", items)
    write_rows(folder / f"events{suffix}", events)
    if info is not None:
        (folder / "dataset.json").write_text(info if isinstance(info, str) else json.dumps(info), encoding="utf-8")
    return folder


def event(**changes: Any) -> Row:
    """A good event but for the changes."""
    return {**EVENTS[0], **changes}
