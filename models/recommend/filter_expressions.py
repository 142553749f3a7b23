"""Filters as Polars expressions; what they mean is told in docs/guide/rules.md."""

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from models.domain.attributes import Kind, Kinds, as_instant
from models.domain.filter import AllOf, AnyOf, Comparison, Filter, Not, Op, Scalar
from models.features.spec import CATEGORY_SEPARATOR

_INSTANT = pl.Datetime("us", "UTC")


def kinds_of(schema: pl.Schema) -> Kinds:
    """What each column can be asked; columns of other types are left out."""
    kinds = {name: kind_of_column(name, dtype) for name, dtype in schema.items()}
    return {name: kind for name, kind in kinds.items() if kind is not None}


def kind_of_column(name: str, dtype: pl.DataType) -> Kind | None:
    """The kind of one column; None where no comparison fits its type."""
    if dtype in (pl.String, pl.Null) or isinstance(dtype, (pl.Categorical, pl.Enum)):
        return "category" if name == "category" else "text"
    if dtype == pl.Boolean:
        return "flag"
    if dtype == pl.Date or isinstance(dtype, pl.Datetime):
        return "time"
    if dtype.is_numeric():
        return "number"
    return "texts" if dtype == pl.List(pl.String) else None


def expression(asked: Filter, schema: pl.Schema) -> pl.Expr:
    """True or false for every row, never null; the filter was checked against the kinds of this schema."""
    match asked:
        case AllOf():
            return pl.all_horizontal([expression(part, schema) for part in asked.parts])
        case AnyOf():
            return pl.any_horizontal([expression(part, schema) for part in asked.parts])
        case Not():
            return ~expression(asked.part, schema)
        case Comparison():
            return _comparison(asked, schema[asked.field])


def _comparison(asked: Comparison, dtype: pl.DataType) -> pl.Expr:
    kind = kind_of_column(asked.field, dtype)
    values = asked.value if isinstance(asked.value, tuple) else (asked.value,)
    column = _column(asked.field, dtype)
    if kind == "number":
        whole = (
            dtype.is_integer() and dtype not in (pl.UInt64, pl.Int128) and all(type(value) is int for value in values)
        )
        column = column.cast(pl.Int64) if whole else column.cast(pl.Float64).fill_nan(None)
        values = values if whole else tuple(float(value) for value in values)
    if asked.op == "exists":
        return column.is_not_null() if asked.value else column.is_null()
    literals = [_literal(value, kind) for value in values]
    if asked.op in ("eq", "in"):
        return _among(column, literals).fill_null(value=False)
    if asked.op in ("ne", "nin"):
        # the exact opposite: what has no value is not equal to anything
        return ~_among(column, literals).fill_null(value=False)
    return _one(column, asked.op, kind, literals[0]).fill_null(value=False)


def _column(name: str, dtype: pl.DataType) -> pl.Expr:
    """The column, texts and times in the type that they are compared in."""
    column = pl.col(name)
    if dtype == pl.Null or isinstance(dtype, (pl.Categorical, pl.Enum)):
        return column.cast(pl.String)
    if dtype == pl.Date:
        return column.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    if isinstance(dtype, pl.Datetime):
        in_utc = column.dt.convert_time_zone("UTC") if dtype.time_zone else column.dt.replace_time_zone("UTC")
        return in_utc.cast(_INSTANT)
    return column


def _literal(value: Scalar, kind: Kind | None) -> Scalar | datetime | None:
    return as_instant(value) if kind == "time" and isinstance(value, str) else value


def _among(column: pl.Expr, literals: Sequence[Scalar | datetime | None]) -> pl.Expr:
    return column == pl.lit(literals[0]) if len(literals) == 1 else column.is_in(list(literals))


def _one(column: pl.Expr, op: Op, kind: Kind | None, literal: Scalar | datetime | None) -> pl.Expr:
    value = pl.lit(literal)
    match op:
        case "lt":
            return column < value
        case "lte":
            return column <= value
        case "gt":
            return column > value
        case "gte":
            return column >= value
        case _:
            return _contains(column, kind, value)


def _contains(column: pl.Expr, kind: Kind | None, value: pl.Expr) -> pl.Expr:
    if kind == "texts":
        return column.list.contains(value)
    if kind == "category":
        return (column == value) | column.str.starts_with(value + CATEGORY_SEPARATOR)
    return column.str.to_lowercase().str.contains(value.str.to_lowercase(), literal=True)
