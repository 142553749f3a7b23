"""A table's file: which one, what is in it, and its rows in batches, whatever the format."""

import codecs
import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import polars as pl

from models.data.check import Findings, listed
from models.data.column_types import nested_column

FORMATS: Final = (".parquet", ".csv", ".jsonl")
BATCH_ROWS: Final = 250_000
NUM_LINES_FOR_KEYS: Final = 1_000
CHUNK_BYTES: Final = 1 << 22
JSON_CHUNK_BYTES: Final = 1 << 25


def find_table(folder: Path, table: str, findings: Findings) -> Path | None:
    """The one file of that table; none or several are reported."""
    found = [folder / f"{table}{suffix}" for suffix in FORMATS if (folder / f"{table}{suffix}").is_file()]
    names = ", ".join(f"{table}{suffix}" for suffix in FORMATS)
    if not found:
        others = sorted(file.name for file in folder.iterdir() if file.name.lower().startswith(table))
        beside = f"; the folder has: {listed(others)}" if others else ""
        findings.fatal(table, f"no file: one of {names} is needed{beside}")
    elif len(found) > 1:
        findings.fatal(table, f"{len(found)} files ({', '.join(file.name for file in found)}): only one may be there")
    return found[0] if len(found) == 1 else None


def is_readable(file: Path, findings: Findings) -> bool:
    """Whether the file has a known format, is not empty and, as text, is UTF-8; what it is not is reported."""
    if file.suffix not in FORMATS:
        findings.fatal(file.name, f"unknown format {file.suffix!r}; known: {', '.join(FORMATS)}")
        return False
    if file.stat().st_size == 0:
        findings.fatal(file.name, "the file is empty")
        return False
    if file.suffix == ".parquet":
        return True
    row = _first_line_not_utf8(file)
    if row is not None:
        findings.fatal(file.name, f"the file is not UTF-8: line {row} is the first that cannot be decoded")
    return row is None


def column_types(file: Path) -> dict[str, pl.DataType]:
    """Columns of the file and their types, text in text formats; of JSON Lines, keys of the first thousand objects.

    Raises `pl.exceptions.ComputeError` where a Parquet file is none.
    """
    if file.suffix == ".parquet":
        return dict(pl.read_parquet_schema(file))
    if file.suffix == ".csv":
        return dict(pl.scan_csv(file, infer_schema=False, quote_char='"', n_rows=0).collect_schema())
    keys: dict[str, pl.DataType] = {}
    with file.open(encoding="utf-8-sig") as lines:
        for _, line in zip(range(NUM_LINES_FOR_KEYS), lines, strict=False):
            try:
                entry = json.loads(line) if line.strip() else {}
            except ValueError:
                continue  # named later, with its row
            keys.update(dict.fromkeys(entry if isinstance(entry, dict) else (), pl.String()))
    return keys


def repeated_columns(file: Path) -> dict[str, list[int]]:
    """Names that a CSV file's header gives to several columns → their positions, from 1; empty for other formats.

    Polars renames all but the first of them and says nothing; of Parquet it refuses such a file. Columns without a
    name, as a spreadsheet's trailing commas make them, are not counted.
    """
    if file.suffix != ".csv":
        return {}
    with file.open(encoding="utf-8-sig", newline="") as lines:
        try:
            header = next((row for row in csv.reader(lines) if row), [])
        except csv.Error:  # the fast reader's own message is the better one
            return {}
    positions: dict[str, list[int]] = {}
    for position, name in enumerate(header, start=1):
        positions.setdefault(name, []).append(position)
    return {name: places for name, places in positions.items() if name and len(places) > 1}


def batches(file: Path, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Those columns in the file's order, so many rows at a time; of text formats, all of them as text.

    Memory is bounded by what Parquet calls a row group, which is decoded as a whole: a file that was written as a
    single group of ten million rows takes 2.6 GiB where one of the usual groups takes 1.6.
    Raises `pl.exceptions.PolarsError`, maybe after some batches.
    """
    if file.suffix == ".jsonl":
        yield from _json_batches(file, columns)
        return
    table = (
        pl.scan_parquet(file, glob=False)
        if file.suffix == ".parquet"
        else pl.scan_csv(file, infer_schema=False, glob=False)
    )
    selected = table.select(columns)
    for batch in selected.collect_batches(chunk_size=BATCH_ROWS, maintain_order=True, engine="streaming"):
        yield from batch.iter_slices(BATCH_ROWS)


def _json_batches(file: Path, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Whole lines of 32 MiB each: Polars' own scan of ten million lines took 3.4 GiB here, and longer."""
    schema = dict.fromkeys(columns, pl.String())
    first_row = 1
    with file.open("rb") as stream:
        while chunk := stream.read(JSON_CHUNK_BYTES):
            lines = (chunk + stream.readline()).removeprefix(codecs.BOM_UTF8)
            if lines.strip():
                rows = pl.read_ndjson(lines, schema=schema)
                refuse_nested(rows, lines, first_row)
                first_row += rows.height
                yield from rows.iter_slices(BATCH_ROWS)


def refuse_nested(rows: pl.DataFrame, lines: bytes, first_row: int) -> None:
    """Raises `pl.exceptions.SchemaError` where a text is a list or an object in its line."""
    nested = nested_column(rows, lines)
    if nested is not None:
        column, place = nested
        raise pl.exceptions.SchemaError(f"column {column!r} holds a list or an object in row {first_row + place}")


def _first_line_not_utf8(file: Path) -> int | None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    line = 1
    with file.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as error:
                return line + error.object[: error.start].count(b"\n")
            line += chunk.count(b"\n")
    return line if decoder.getstate()[0] else None
