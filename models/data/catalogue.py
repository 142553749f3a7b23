"""The catalogue's file → one checked row an item."""

import codecs
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final

import polars as pl

from models.data.check import Findings
from models.data.column_types import can_be_attribute
from models.data.columns import read_attribute, read_flags, read_numbers, read_text
from models.data.ids import id_text, unusable_ids
from models.data.table_files import batches, refuse_nested
from models.data.table_rows import ROW, Table, open_table, read_rows
from models.data.timestamps import read_instants

TEXT_COLUMNS: Final = ("title", "description", "category", "brand", "image", "group_id")
OPTIONAL_COLUMNS: Final = (*TEXT_COLUMNS, "price", "in_stock", "created_at")


def read_catalogue(file: Path, renamed: Mapping[str, str], findings: Findings) -> tuple[pl.DataFrame, int] | None:
    """Usable items in the file's order and the number of rows dropped; None where the file cannot be used.

    `item_id` first, then the known columns that are there, then the shop's own.
    """
    table = open_table(file, ["item_id"], OPTIONAL_COLUMNS, renamed, findings)
    if table is None:
        return None
    return read_rows(
        table,
        lambda source: _typed_batches(source, table),
        lambda found, num_broken: _CatalogueReader(table, found, num_broken),
        findings,
    )


def _typed_batches(file: Path, table: Table) -> Iterator[pl.DataFrame]:
    """Known columns as text where the format is text; the shop's own columns of JSON Lines as JSON has them."""
    columns = [*table.source_of.values(), *table.others]
    if file.suffix != ".jsonl" or not table.others:
        yield from batches(file, columns)
        return
    lines = file.read_bytes().removeprefix(codecs.BOM_UTF8)
    known = dict.fromkeys(table.source_of.values(), pl.String())
    whole = pl.read_ndjson(lines, schema_overrides=known, infer_schema_length=None)
    refuse_nested(whole.select(name for name in known if name in whole.columns), lines, first_row=1)
    yield whole.select(name for name in columns if name in whole.columns)


_Reader = Callable[[pl.Series, pl.Series, Findings], pl.Series]
"""Values, their rows' numbers and where problems go → what they were read as."""


class _CatalogueReader:
    def __init__(self, table: Table, findings: Findings, num_broken: int) -> None:
        self._table = table
        self._findings = findings
        self._num_broken = num_broken
        self._batches: list[pl.DataFrame] = []

    def take(self, rows: pl.DataFrame) -> None:
        self._batches.append(rows)

    def finish(self) -> tuple[pl.DataFrame, int] | None:
        name, findings = self._table.file.name, self._findings
        items = pl.concat(self._batches) if self._batches else pl.DataFrame()
        if items.is_empty():
            findings.fatal(name, "the file has no rows")
            return None
        rows = items[ROW]
        ids = id_text(items["item_id"])
        dropped = "item dropped"
        unusable = unusable_ids(ids, rows, findings, file=name, column="item_id", dropped=dropped)
        again = ~ids.is_first_distinct() & ~unusable
        findings.note_rows(
            again,
            rows,
            file=name,
            column="item_id",
            what="duplicate item",
            consequence="the first one is kept",
            values=ids,
        )
        kept = ~(unusable | again)
        items = items.with_columns(ids.alias("item_id")).filter(kept)
        if items.is_empty():
            findings.fatal(name, "no row is usable")
            return None
        return items.select("item_id", *self._columns(items)), self._num_broken + len(kept) - items.height

    def _columns(self, items: pl.DataFrame) -> list[pl.Series]:
        """All but the id, read as what they are."""
        name, findings = self._table.file.name, self._findings
        columns = [read_text(items[column]).alias(column) for column in TEXT_COLUMNS if column in items.columns]
        for column, read in self._readers().items():
            if column in items.columns:
                columns += self._if_readable(read, items[column].alias(column), items[ROW])
        is_csv = self._table.file.suffix == ".csv"
        for other in self._table.others:
            if other not in items.columns:
                continue
            if can_be_attribute(items[other].dtype):
                columns.append(read_attribute(items[other], is_csv=is_csv).alias(other))
            else:
                findings.drop_column(name, other, f"no answer can show values of type {items[other].dtype}")
        return columns

    def _readers(self) -> dict[str, _Reader]:
        file = self._table.file.name
        return {
            "price": partial(read_numbers, file=file, column="price", least=0),
            "in_stock": partial(read_flags, file=file, column="in_stock"),
            "created_at": self._created_at,
        }

    def _if_readable(self, read: _Reader, values: pl.Series, rows: pl.Series) -> list[pl.Series]:
        """The column, or none where nothing of it could be read: its rows are not worth naming."""
        found = Findings()
        column = read(values, rows, found).alias(values.name)
        if found.problems and column.null_count() == len(column):
            first = found.problems[0]
            what = f"no value can be used: {first.what}, such as {first.examples[0]!r}"
            self._findings.drop_column(first.file, values.name, what)
            return []
        self._findings.add_all(found)
        return [column]

    def _created_at(self, values: pl.Series, rows: pl.Series, findings: Findings) -> pl.Series:
        instants = read_instants(values)
        file = self._table.file.name
        findings.note_rows(
            instants.utc.is_null() & values.is_not_null(),
            rows,
            file=file,
            column="created_at",
            what="not a time between 1970 and 2200",
            consequence="value left empty",
            values=values,
        )
        findings.note_rows(
            instants.without_zone,
            rows,
            file=file,
            column="created_at",
            what="time without zone",
            consequence="read as UTC",
            severity="assumed",
            values=values,
        )
        return instants.utc
