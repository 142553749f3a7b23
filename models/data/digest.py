"""A dataset's digest: equal for equal data, whatever file format it came in."""

import hashlib
from typing import Final

import numpy as np
import polars as pl

CHUNK_ROWS: Final = 100_000


def dataset_digest(catalogue: pl.DataFrame, events: pl.DataFrame) -> str:
    """SHA-256 over both tables' columns by name; ids and times by value, whatever their type in memory."""
    digest = hashlib.sha256()
    for table, frame in (("catalogue", catalogue), ("events", events)):
        for name in sorted(frame.columns):
            digest.update(f"\x1d{table}.{name}\x1d".encode())
            _update(digest, frame[name])
    return digest.hexdigest()


def _update(digest: "hashlib._Hash", column: pl.Series) -> None:
    if isinstance(column.dtype, pl.Enum):
        digest.update("\x1f".join(column.dtype.categories.to_list()).encode())
        digest.update(column.to_physical().cast(pl.UInt32).to_numpy().tobytes())
    elif isinstance(column.dtype, pl.Datetime):
        digest.update(column.dt.epoch("us").fill_null(np.iinfo(np.int64).min).to_numpy().tobytes())
    elif column.dtype == pl.Float64:
        digest.update(column.fill_null(float("nan")).to_numpy().tobytes())
    else:
        for first in range(0, len(column), CHUNK_ROWS):
            values = column.slice(first, CHUNK_ROWS).to_list()
            digest.update(("\x1f".join("\x00" if value is None else str(value) for value in values) + "\x1e").encode())
