"""Changed values into a table that is never changed itself: only columns that are named are written anew."""

# N rows, C values that change

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.domain.attributes import Kind, Kinds, as_instant
from models.domain.errors import DocumentRefused
from models.recommend.filter_expressions import kinds_of
from models.recommend.live.documents import MAX_NUMBER, NAMED_KINDS, ItemDocument, kind_of_value

_DTYPES: Mapping[Kind, pl.DataType] = {
    "text": pl.String(),
    "category": pl.String(),
    "flag": pl.Boolean(),
    "time": pl.Datetime("us", "UTC"),
    "texts": pl.List(pl.String()),
}
_PLAIN_TYPES: Mapping[Kind, frozenset[type]] = {
    "text": frozenset({str}),
    "category": frozenset({str}),
    "flag": frozenset({bool}),
    "number": frozenset({int, float}),
}
"""Kinds of which values of these types fit: whole columns are checked at once."""


@dataclass(slots=True)
class Change:
    """New values of one column."""

    rows: list[int] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)


def with_changes(
    frame: pl.DataFrame,
    documents: Sequence[ItemDocument],
    rows: Sequence[int],
    new_ids: Sequence[str],
) -> tuple[pl.DataFrame, set[str]]:
    """The table after these documents, one an item, each for its row; and the names of the columns that were written.

    Rows of new items lie beyond the table's last, in the order of `new_ids`. Raises DocumentRefused.
    """
    changes = _by_column(frame.columns, documents, rows)
    kinds, num_rows = kinds_of(frame.schema), len(frame) + len(new_ids)
    written: dict[str, pl.Series] = {}
    for name, change in changes.items():
        column = _written(frame, name, change, kinds, documents, num_rows)
        if column is not None:
            written[name] = column
    if not new_ids:
        return frame.with_columns(written.values()), set(written)
    ids = pl.concat([frame["item_id"], pl.Series("item_id", new_ids, dtype=frame["item_id"].dtype)])
    missing = pl.DataFrame(schema={name: frame.schema[name] for name in frame.columns if name not in written})
    kept = frame.select(missing.columns).clear(len(new_ids))
    others = pl.concat([frame.select(missing.columns), kept]).with_columns(ids)
    names = [*frame.columns, *(name for name in written if name not in frame.columns)]
    return others.with_columns(written.values()).select(names), set(written)


def differ(
    before: pl.DataFrame, after: pl.DataFrame, rows: NDArray[np.int32], names: Collection[str]
) -> NDArray[np.bool_]:
    """Which of these rows have another value in one of the columns; a column that is not there has none."""
    differ_C = np.zeros(len(rows), np.bool_)
    for name in names:
        dtype = pl.Float64() if name == "price" else pl.String()
        old, new = (
            frame[name].gather(rows).cast(dtype)
            if name in frame.columns
            else pl.Series([None] * len(rows), dtype=dtype)
            for frame in (before, after)
        )
        differ_C |= new.ne_missing(old).to_numpy()
    return differ_C


def _by_column(columns: Iterable[str], documents: Sequence[ItemDocument], rows: Sequence[int]) -> dict[str, Change]:
    """What changes in each column; a document that replaces empties the fields that it does not name."""
    # documents that name the same fields are read column by column: ten thousand prices in milliseconds
    alike: dict[tuple[bool, tuple[str, ...]], tuple[list[int], list[Mapping[str, Any]]]] = {}
    for row, document in zip(rows, documents, strict=True):
        key = (document.merges, tuple(document.fields))
        if key not in alike:
            alike[key] = ([], [])
        of_rows, fields = alike[key]
        of_rows.append(row)
        fields.append(document.fields)
    named = dict.fromkeys(name for name in columns if name != "item_id")
    for merges, names in alike:
        if not merges:
            named.update(dict.fromkeys(names))
    changes: dict[str, Change] = {}
    for (merges, names), (of_rows, fields) in alike.items():
        for name in names if merges else named:
            change = changes.setdefault(name, Change())
            change.rows += of_rows
            change.values += [each.get(name) for each in fields]
    return changes


def _written(
    frame: pl.DataFrame,
    name: str,
    change: Change,
    kinds: Kinds,
    documents: Sequence[ItemDocument],
    num_rows: int,
) -> pl.Series | None:
    """The whole column with the change in it; None for a new column without a value."""
    known = kinds.get(name) if name in frame.columns else None
    if name in frame.columns and frame.schema[name] == pl.Null:
        known = None
    kind = _checked(name, change, known or NAMED_KINDS.get(name), documents)
    if kind is None and name not in frame.columns:
        return None
    old = frame[name] if name in frame.columns else pl.Series(name, [None] * len(frame), dtype=pl.Null)
    new = _series(name, change.values, kind, old.dtype)
    nothing = pl.Series(name, [None], dtype=new.dtype)
    return pl.concat([old.cast(new.dtype), new, nothing]).gather(_places(change.rows, len(frame), num_rows))


def _places(rows: Sequence[int], num_old: int, num_rows: int) -> NDArray[np.int64]:
    """Where each row's value lies in the old values, followed by the new ones and one for nothing."""
    places_N = np.arange(num_rows)
    places_N[num_old:] = num_old + len(rows)
    places_N[np.asarray(rows, np.int64)] = num_old + np.arange(len(rows))
    return places_N


def _checked(name: str, change: Change, kind: Kind | None, documents: Sequence[ItemDocument]) -> Kind | None:
    """The kind of the column after the change; raises DocumentRefused."""
    if kind is not None and _all_fit(name, kind, change.values):
        return kind
    for value in change.values:
        try:
            kind = kind_of_value("", name, value, kind)
        except DocumentRefused as refused:
            holder = next(each for each in documents if name in each.fields and each.fields[name] is value)
            raise DocumentRefused(holder.item_id, name, refused.reason) from None
    return kind


def _all_fit(name: str, kind: Kind, values: Sequence[Any]) -> bool:
    """True where every value fits at first sight; False says only that each must be looked at."""
    if name == "item_id" or not set(map(type, values)) - {type(None)} <= _PLAIN_TYPES.get(kind, frozenset()):
        return False
    if kind != "number":
        return True
    least = 0 if name == "price" else -MAX_NUMBER
    # false for NaN too
    return all(value is None or least <= value <= MAX_NUMBER for value in values)


def _series(name: str, values: list[Any], kind: Kind | None, old: pl.DataType) -> pl.Series:
    """New values in the type that the column has from now on."""
    if kind is None:
        return pl.Series(name, values, dtype=old)
    if kind == "number":
        whole = (old.is_integer() or old == pl.Null) and all(isinstance(value, int | None) for value in values)
        return pl.Series(name, values, dtype=pl.Int64 if whole else pl.Float64, strict=False)
    if kind == "time":
        return _times(name, values, old)
    if kind in ("text", "category"):
        return pl.Series(name, [value or None for value in values], dtype=pl.String)
    return pl.Series(name, values, dtype=_DTYPES[kind])


def _times(name: str, values: list[Any], old: pl.DataType) -> pl.Series:
    instants = [None if value is None else as_instant(value) for value in values]
    if old == pl.Date:
        days: list[date | None] = [None if instant is None else instant.date() for instant in instants]
        return pl.Series(name, days, dtype=pl.Date)
    if isinstance(old, pl.Datetime) and old.time_zone is None:
        naive: list[datetime | None] = [each and each.replace(tzinfo=None) for each in instants]
        return pl.Series(name, naive, dtype=old)
    moments = pl.Series(name, instants, dtype=pl.Datetime("us", "UTC"))
    return moments.cast(old) if isinstance(old, pl.Datetime) else moments
