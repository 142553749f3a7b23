"""A table's columns under our names, its rows with numbers, broken rows left out and named."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, TypeVar

import polars as pl

from models.data.check import Findings, Problem, listed
from models.data.column_types import KIND_OF, WANTED, can_hold
from models.data.repair import repair
from models.data.table_files import column_types, is_readable, repeated_columns

ROW = "row number"
"""Name of the column that holds the row number, from 1; no shop's column is called so."""
OTHER_SEPARATORS: Final = (";", "\t", "|")
WITHOUT_TIMES: Final = (
    'without times, number the rows in a column timestamp and put {"time": "order"} into dataset.json'
)
LEAST_SWALLOWED: Final = 2
LIKE_ROWS: Final = 0.8
"""Share of a value's lines with as many commas as a row has: the lines of a description may have any number."""

Made_co = TypeVar("Made_co", covariant=True)


class BrokenTableError(Exception):
    """A row that the fast reader cannot read; never leaves this file."""


@dataclass(frozen=True, slots=True)
class Table:
    """A file whose header fits."""

    file: Path
    source_of: Mapping[str, str]
    """Our name of each column that is there → the file's name of it."""
    others: Sequence[str]
    """Columns that are none of ours."""


def open_table(
    file: Path, required: Sequence[str], optional: Sequence[str], renamed: Mapping[str, str], findings: Findings
) -> Table | None:
    """The file under our names; None, with the reasons reported, where it cannot be used at all.

    `renamed`: our name → the file's name, for those that differ.
    """
    if not is_readable(file, findings):
        return None
    try:
        there = column_types(file)
    except pl.exceptions.PolarsError as error:
        findings.fatal(file.name, f"the file cannot be read as {file.suffix[1:]}: {str(error).splitlines()[0]}")
        return None
    source_of = {name: renamed.get(name, name) for name in (*required, *optional)}
    if _is_ambiguous(file, source_of, {*required, *renamed}, list(there), findings):
        return None
    missing = [name for name in source_of if source_of[name] not in there and (name in required or name in renamed)]
    if missing:
        _report_missing(file, {name: source_of[name] for name in missing}, renamed, list(there), findings)
        return None
    kept = {name: source for name, source in source_of.items() if source in there}
    unfit = [name for name, source in kept.items() if not can_hold(KIND_OF[name], there[source])]
    for name in unfit:
        findings.fatal(file.name, f"{WANTED[KIND_OF[name]]}, not {there[kept[name]]}", column=name)
    if unfit:
        return None
    others = [name for name in there if name not in kept and name not in kept.values()]
    return Table(file=file, source_of=kept, others=others)


def _report_missing(
    file: Path, missing: Mapping[str, str], renamed: Mapping[str, str], there: Sequence[str], findings: Findings
) -> None:
    """Each column that is not there; of a file that was split at the wrong places, only that."""
    separator = next((mark for mark in OTHER_SEPARATORS if len(there) == 1 and mark in there[0]), None)
    if separator and file.suffix == ".csv":
        findings.fatal(file.name, f"one column, {there[0]!r}: is it separated by {separator!r}? Only commas are read")
        return
    for name, source in missing.items():
        told = f"missing column {source!r}" + (f" (mapped to {name})" if name in renamed else "")
        told += f"; the file has: {listed(there) or 'none'}"
        if name == "timestamp" and name not in renamed:
            told += f"; {WITHOUT_TIMES}"
        findings.fatal(file.name, told, column=name)


def _is_ambiguous(
    file: Path, source_of: Mapping[str, str], asked: Set[str], there: Sequence[str], findings: Findings
) -> bool:
    """Whether one name stands for two columns, or one column is asked for under two names; either is reported."""
    repeated = repeated_columns(file)
    for source, positions in repeated.items():
        places = ", ".join(map(str, positions[:-1]))
        findings.fatal(file.name, f"columns {places} and {positions[-1]} have the same name", column=source)
    shared: dict[str, list[str]] = {}
    for name, source in source_of.items():
        if name in asked and source in there:
            shared.setdefault(source, []).append(name)
    twice = {source: names for source, names in shared.items() if len(names) > 1}
    for source, names in twice.items():
        what = f"column {there.index(source) + 1} of the file is mapped to {' and to '.join(names)}"
        findings.fatal(file.name, what, column=source)
    return bool(repeated or twice)


class RowReader(Protocol[Made_co]):
    """Takes batches in the file's order and makes one thing of them."""

    def take(self, rows: pl.DataFrame) -> None:
        """The next rows, under our names, with `ROW`."""

    def finish(self) -> Made_co:
        """What became of all rows."""


def read_rows(
    table: Table,
    read_batches: Callable[[Path], Iterator[pl.DataFrame]],
    new_reader: Callable[[Findings, int], RowReader[Made_co]],
    findings: Findings,
) -> Made_co | None:
    """What the reader makes of the table; None, with the reason reported, where the file is broken beyond repair.

    Where a row of a text file is broken, reading starts again on a copy without such rows, with a new reader that is
    told how many they are.
    """
    try:
        return _read_once(table, table.file, read_batches, new_reader, findings, frozenset())
    except BrokenTableError as error:
        reason = str(error)
    if table.file.suffix == ".parquet":
        findings.fatal(table.file.name, f"the file cannot be read as Parquet: {reason}")
        return None
    with tempfile.TemporaryDirectory(prefix="figment-repair-") as folder:
        repaired = repair(table.file, Path(folder), findings)
        if repaired is None:
            return None
        try:
            return _read_once(table, repaired.file, read_batches, new_reader, findings, repaired.broken_rows)
        except BrokenTableError as error:
            findings.fatal(table.file.name, f"the file cannot be read: {error}")
            return None


def _read_once(
    table: Table,
    file: Path,
    read_batches: Callable[[Path], Iterator[pl.DataFrame]],
    new_reader: Callable[[Findings, int], RowReader[Made_co]],
    findings: Findings,
    broken_rows: frozenset[int],
) -> Made_co:
    found = Findings()  # thrown away with the reader if a later batch is broken
    reader = new_reader(found, len(broken_rows))
    first = 1
    for batch in _or_broken(read_batches(file)):
        rows = pl.int_range(first, first + batch.height, dtype=pl.UInt32, eager=True)
        first += batch.height
        named = batch.select(
            rows.alias(ROW),
            *(pl.col(source).alias(name) for name, source in table.source_of.items()),
            *(name for name in table.others if name in batch.columns),
        )
        if file.suffix == ".csv":
            _report_swallowed_lines(named, table, found)
        reader.take(_without_empty_rows(named, table.file, broken_rows, found))
    made = reader.finish()
    findings.add_all(found)
    return made


def _report_swallowed_lines(rows: pl.DataFrame, table: Table, findings: Findings) -> None:
    """Values that go on over lines which look like rows of their own: nobody closed a quote."""
    separators = len(table.source_of) + len(table.others) - 1
    for name in (name for name, kind in rows.schema.items() if kind == pl.String):
        long = rows.filter(pl.col(name).str.contains("\n", literal=True)).select(ROW, name)
        for row, value in long.iter_rows():
            lines = value.split("\n")[1:-1]
            like_rows = sum(line.count(",") == separators for line in lines)
            if len(lines) >= LEAST_SWALLOWED and like_rows >= LIKE_ROWS * len(lines):
                what = "value that goes on over lines which look like rows, as after a quote that nobody closed"
                findings.add(Problem(table.file.name, name, what, "no row of those is read", "loss", 1, (row,)))


def _or_broken(batches: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """The batches; errors of the file, and only those, as `BrokenTableError`."""
    try:
        yield from batches
    except pl.exceptions.PolarsError as error:
        raise BrokenTableError(str(error).splitlines()[0]) from error


def _without_empty_rows(
    rows: pl.DataFrame, file: Path, broken_rows: frozenset[int], findings: Findings
) -> pl.DataFrame:
    """Broken rows (reported already) and, of CSV, rows with nothing in them (a note) left out."""
    if file.suffix == ".parquet":
        return rows
    first_column = rows.columns[1]
    if not broken_rows and rows[first_column].null_count() == 0:
        return rows  # the usual case, for nothing
    broken = rows[ROW].is_in(pl.Series(sorted(broken_rows), dtype=pl.UInt32).implode())
    empty = rows.select(pl.all_horizontal(pl.exclude(ROW).is_null())).to_series() & ~broken
    if file.suffix == ".csv":
        findings.note_rows(
            empty,
            rows[ROW],
            file=file.name,
            column=None,
            what="row with nothing in it",
            consequence="skipped",
            severity="note",
        )
        broken = broken | empty
    return rows.filter(~broken)
