"""Anything that stands for an instant → UTC."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import polars as pl

from models.data.check import Findings, Problem
from models.data.column_types import is_word

UTC_MICROS: Final = pl.Datetime("us", "UTC")
LAST_SECOND: Final = 7_258_118_400
"""1 January 2200. Epoch milliseconds lie far beyond, so that they are reported and not read as the year 50,000."""

FIRST_YEAR_ENDS: Final = datetime(1971, 1, 1, tzinfo=UTC)
SHORTEST_SPAN: Final = timedelta(days=1)
IF_POSITIONS: Final = 'read as instants; if they are positions, put {"time": "order"} into dataset.json'

ZONED_FORMATS: Final = (
    "%Y-%m-%dT%H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M:%S%.f%#z",
    "%Y-%m-%dT%H:%M%#z",
    "%Y-%m-%d %H:%M%#z",
)
ZONELESS_FORMATS: Final = (
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d",
)


@dataclass(frozen=True, slots=True)
class Instants:
    """Instants, and where the source did not say in which zone."""

    utc: pl.Series
    """Datetime[us, UTC]; null where the value is no instant between 1970 and 2200."""
    without_zone: pl.Series
    """True where the zone is missing; the value was read as UTC."""


def read_instants(values: pl.Series) -> Instants:
    """Datetimes, dates, ISO 8601 text or epoch seconds (as numbers or text) as UTC."""
    if is_word(values.dtype):
        values = values.cast(pl.String)
    dtype = values.dtype
    if isinstance(dtype, pl.Datetime):
        zoneless = dtype.time_zone is None
        utc = values.dt.replace_time_zone("UTC") if zoneless else values.dt.convert_time_zone("UTC")
        return _within_range(utc.cast(UTC_MICROS), without_zone=values.is_not_null() & zoneless)
    if dtype == pl.Date:
        return _within_range(values.cast(pl.Datetime("us")).dt.replace_time_zone("UTC"), values.is_not_null())
    if dtype.is_numeric():
        return _within_range(_from_seconds(values), pl.repeat(False, len(values), dtype=pl.Boolean, eager=True))
    if dtype == pl.String:
        return _from_text(values)
    nothing = pl.Series(values.name, [None], dtype=UTC_MICROS).extend_constant(None, len(values))[: len(values)]
    return Instants(utc=nothing, without_zone=pl.repeat(False, len(values), dtype=pl.Boolean, eager=True))


def note_doubtful_times(file: str, utc: pl.Series, findings: Findings) -> None:
    """Notes where instants, at least one, look like numbers of rows."""
    first, last = utc.min(), utc.max()
    assert isinstance(first, datetime)
    assert isinstance(last, datetime)
    what = "all times lie in 1970" if last < FIRST_YEAR_ENDS else "all times lie within one day"
    if last < FIRST_YEAR_ENDS or last - first < SHORTEST_SPAN:
        findings.add(Problem(file, "timestamp", what, IF_POSITIONS, "note", count=1))


def _from_seconds(values: pl.Series) -> pl.Series:
    seconds = values.cast(pl.Float64)
    inside = seconds.is_between(0, LAST_SECOND, closed="left")  # also drops NaN and keeps the product within 64 bits
    kept = pl.select(pl.when(inside).then(seconds)).to_series()
    return (kept * 1_000_000).round().cast(pl.Int64).cast(UTC_MICROS)


def _from_text(values: pl.Series) -> Instants:
    text = values.str.strip_chars().str.replace(r" ?(UTC|GMT)$", "Z")
    utc = _from_seconds(text.cast(pl.Float64, strict=False))
    for pattern in ZONED_FORMATS:
        if utc.null_count() > 0:
            utc = _filled(utc, text.str.strptime(UTC_MICROS, pattern, strict=False))
    with_zone = utc.is_not_null()
    for pattern in ZONELESS_FORMATS:
        if utc.null_count() > 0:
            utc = _filled(utc, text.str.strptime(pl.Datetime("us"), pattern, strict=False).dt.replace_time_zone("UTC"))
    return _within_range(utc, without_zone=~with_zone & utc.is_not_null())


def _filled(utc: pl.Series, more: pl.Series) -> pl.Series:
    return pl.select(pl.coalesce(utc, more)).to_series()


def _within_range(utc: pl.Series, without_zone: pl.Series) -> Instants:
    inside = utc.dt.epoch("s").is_between(0, LAST_SECOND, closed="left")
    kept = pl.select(pl.when(inside).then(utc)).to_series()
    return Instants(utc=kept, without_zone=without_zone & kept.is_not_null())
