"""Values of single columns: numbers, texts, yes or no; what cannot be read is left empty and reported."""

import polars as pl

from models.data.check import Findings
from models.data.column_types import is_word

INTEGER = r"^-?(0|[1-9]\d*)$"
"""No leading zero: 007 is a code, not a number."""
DECIMAL = r"^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$"


def read_numbers(
    values: pl.Series, rows: pl.Series, findings: Findings, *, file: str, column: str, least: float | None = None
) -> pl.Series:
    """Float64; null where the value is no finite number of at least `least`."""
    if is_word(values.dtype):
        values = values.cast(pl.String)  # a categorical would become the number of its category
    numbers = values.cast(pl.Float64, strict=False)
    kinds = {
        "not a number": (numbers.is_null() & values.is_not_null()) | numbers.is_nan().fill_null(False),
        "infinite number": numbers.is_infinite().fill_null(False),
    }
    if least is not None:
        below = (numbers < least) & numbers.is_finite()
        kinds["negative number" if least == 0 else f"number below {least:g}"] = below.fill_null(False)
    unusable = pl.repeat(False, len(values), dtype=pl.Boolean, eager=True)
    for what, mask in kinds.items():
        findings.note_rows(
            mask, rows, file=file, column=column, what=what, consequence="value left empty", values=values
        )
        unusable = unusable | mask
    return pl.select(pl.when(~unusable).then(numbers)).to_series()


def read_flags(values: pl.Series, rows: pl.Series, findings: Findings, *, file: str, column: str) -> pl.Series:
    """Boolean; from numbers and text: 1, 0, true, false, yes, no in any case."""
    if values.dtype == pl.Boolean:
        return values
    text = values.cast(pl.String, strict=False).str.strip_chars().str.to_lowercase()
    yes, no = text.is_in(["1", "true", "yes", "1.0"]), text.is_in(["0", "false", "no", "0.0"])
    findings.note_rows(
        ~(yes | no) & text.is_not_null(),
        rows,
        file=file,
        column=column,
        what="neither true nor false",
        consequence="value left empty",
        values=values,
    )
    return pl.select(pl.when(yes).then(True).when(no).then(False)).to_series()


def read_text(values: pl.Series) -> pl.Series:
    """Text, with nothing in place of empty text; numbers as they are written."""
    text = values.cast(pl.String, strict=False)
    return pl.select(pl.when(text != "").then(text)).to_series()


def read_attribute(values: pl.Series, *, is_csv: bool) -> pl.Series:
    """A shop's own column as it is; of CSV, where all is text, as numbers or flags if all its values are such."""
    if values.dtype != pl.String:
        return values.cast(pl.Float64) if values.dtype.is_decimal() else values
    text = read_text(values)
    filled = text.drop_nulls()
    if not is_csv or filled.is_empty():
        return text
    # Polars types any maximum as any value
    if filled.str.contains(INTEGER).all() and filled.str.len_chars().max() <= 18:  # type: ignore[operator]
        return text.cast(pl.Int64)
    if filled.str.contains(DECIMAL).all():
        return text.cast(pl.Float64)
    lower = text.str.to_lowercase()
    if filled.str.to_lowercase().is_in(["true", "false"]).all():
        return lower == "true"
    return text
