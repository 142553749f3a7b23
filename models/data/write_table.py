"""Tables that are written for others to read: in the format of the file's name, whole or not at all."""

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, Final

import polars as pl
from polars.io.plugins import register_io_source

from models.domain.errors import SettingsRefused

WRITERS: Final[Mapping[str, Callable[[pl.DataFrame, Path], None]]] = MappingProxyType(
    {".parquet": pl.DataFrame.write_parquet, ".csv": pl.DataFrame.write_csv, ".jsonl": pl.DataFrame.write_ndjson}
)
"""By the end of the file's name."""
SINKS: Final[Mapping[str, Callable[[pl.LazyFrame, IO[bytes]], object]]] = MappingProxyType(
    {".parquet": pl.LazyFrame.sink_parquet, ".csv": pl.LazyFrame.sink_csv, ".jsonl": pl.LazyFrame.sink_ndjson}
)
"""The same, of tables that are longer than what should lie in memory."""


def refuse_unwritable_table(out: Path, what: str) -> None:
    """Raises SettingsRefused where `write_table` could not write `what`: before the work that ends in it."""
    if out.suffix not in WRITERS:
        raise SettingsRefused(f"{out}: unknown format {out.suffix!r} to write {what} in; known: {', '.join(WRITERS)}")
    if not out.parent.is_dir():
        raise SettingsRefused(f"{out.parent} is no folder: {out} cannot be written")


def write_table(table: pl.DataFrame, out: Path) -> None:
    """Written beside its place, then moved there."""
    unfinished = out.with_name(f".unfinished-{out.name}")
    WRITERS[out.suffix](table, unfinished)
    unfinished.replace(out)


def write_batches(batches: Iterator[pl.DataFrame], out: Path) -> int:
    """Rows that were written, of one batch or more; each is made when the one before is on its way to the disk."""
    num_rows = 0
    first = next(batches)

    def source(*_: Any) -> Iterator[pl.DataFrame]:
        nonlocal num_rows
        for batch in chain([first], batches):
            num_rows += len(batch)
            yield batch

    unfinished = out.with_name(f".unfinished-{out.name}")
    try:
        file = unfinished.open("wb")
        try:
            SINKS[out.suffix](register_io_source(source, schema=first.schema), file)
        finally:
            file.close()  # for one Ctrl-C both Polars and Python raise: the second one comes here, not below
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)
    return num_rows
