"""Tables that are written for others to read: in the format of the file's name, whole or not at all."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import polars as pl

from models.domain.errors import SettingsRefused

WRITERS: Final[Mapping[str, Callable[[pl.DataFrame, Path], None]]] = MappingProxyType(
    {".parquet": pl.DataFrame.write_parquet, ".csv": pl.DataFrame.write_csv, ".jsonl": pl.DataFrame.write_ndjson}
)
"""By the end of the file's name."""


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
