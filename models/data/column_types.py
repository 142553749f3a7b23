"""What type a column may have in the file, decided once, before any value is looked at."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

import polars as pl

Kind = Literal["id", "text", "number", "flag", "time"]

KIND_OF: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        **dict.fromkeys(("user_id", "item_id", "event_id", "session_id"), "id"),
        **dict.fromkeys(("title", "description", "category", "brand", "image", "group_id", "event_type"), "text"),
        **dict.fromkeys(("price", "quantity", "unit_price", "rating"), "number"),
        **dict.fromkeys(("timestamp", "created_at"), "time"),
        "in_stock": "flag",
    }
)
"""Of each column that has a meaning here."""
WANTED: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        "id": "ids are text or whole numbers",
        "text": "values are text",
        "number": "values are numbers",
        "flag": "values are true or false",
        "time": "values are times, ISO 8601 or epoch seconds",
    }
)


def is_word(dtype: pl.DataType) -> bool:
    """Text, however it is stored."""
    return dtype == pl.String or isinstance(dtype, (pl.Categorical, pl.Enum))


def can_hold(kind: Kind, dtype: pl.DataType) -> bool:
    """Whether values of this type can be read as that kind; text and a column of nothing always can."""
    if is_word(dtype) or dtype == pl.Null or dtype.is_numeric():
        return True
    is_moment = dtype == pl.Date or isinstance(dtype, pl.Datetime)
    return (dtype == pl.Boolean and kind in ("text", "number", "flag")) or (is_moment and kind in ("text", "time"))


def can_be_attribute(dtype: pl.DataType) -> bool:
    """Whether a shop's own column is kept: what an answer can show as it is."""
    return can_hold("text", dtype) or dtype == pl.List(pl.String)


def nested_column(rows: pl.DataFrame, lines: bytes) -> tuple[str, int] | None:
    """First column of text whose value is a list or an object in the JSON, and its place among the rows.

    Polars reads such a value as the text of its JSON, which no column of ours is. Lines are only parsed again where
    a text begins with a bracket.
    """
    suspicious = rows.select(pl.any_horizontal(pl.col(pl.String).str.contains(r"^[\[{]").fill_null(False)))
    places = suspicious.to_series().arg_true() if suspicious.width else pl.Series([], dtype=pl.UInt32)
    if places.is_empty():
        return None
    filled = [line for line in lines.split(b"\n") if line.strip()]
    texts = [name for name, dtype in rows.schema.items() if dtype == pl.String]
    for place in places:
        entry = json.loads(filled[place])
        for name in texts:
            if isinstance(entry.get(name), (list, dict)):
                return name, place
    return None
