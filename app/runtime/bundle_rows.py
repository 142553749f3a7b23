"""A bundle's catalogue as documents, to lay under the shop's own writes."""

import math
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from models.bundle.manifest import Manifest
from models.recommend.filter_expressions import kinds_of

SOURCE_DIGITS = 16


def source_of(manifest: Manifest) -> str:
    """What a bundle is called in the store: another bundle of the same name is another one."""
    return f"{manifest.model_version}@{manifest.manifest_digest[:SOURCE_DIGITS]}"


def document_rows(catalogue: pl.DataFrame) -> Iterator[tuple[str, dict[str, Any]]]:
    """Item id and fields, JSON throughout; columns of a kind that no document can have are left out."""
    names = [name for name in kinds_of(catalogue.schema) if name != "item_id"]
    for row in catalogue.select("item_id", *names).iter_rows(named=True):
        yield row["item_id"], {name: as_json(row[name]) for name in names}


def as_json(value: Any) -> Any:
    """What a document says for a catalogue's value; None where there is none."""
    match value:
        case float() if not math.isfinite(value):
            return None
        case datetime():
            return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
        case date():
            return value.isoformat()
        case list():
            return [each for each in value if each is not None]
        case str() | int() | float() | bool() | None:
            return value
        case _:  # decimals and durations
            return float(value)
