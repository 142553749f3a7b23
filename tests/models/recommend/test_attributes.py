"""Filters on a table, against the same filters read value by value."""

import gc
import weakref
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.domain.attributes import as_instant
from models.domain.errors import RuleRefused
from models.domain.filter import AllOf, AnyOf, Comparison, Filter, Not, parse_filter
from models.recommend.attributes import AttributeTable

ROWS: list[dict[str, Any]] = [
    {"brand": "OPI", "price": 8.0, "size": 3, "vegan": True, "in_stock": True, "category": "Makeup > Nails"},
    {"brand": "opi", "price": None, "size": None, "vegan": None, "in_stock": False, "category": "Makeup"},
    {"brand": None, "price": float("nan"), "size": 5, "vegan": False, "in_stock": None, "category": "Make"},
    {"brand": "Essie", "price": 12.5, "size": 3, "vegan": True, "in_stock": True, "category": None},
]
MOMENTS = [
    datetime(2026, 1, 1, tzinfo=UTC),
    None,
    datetime(2026, 3, 1, 12, tzinfo=UTC),
    datetime(2025, 1, 1, tzinfo=UTC),
]
TAGS = [["new", "red"], [], None, ["red"]]
FRAME = pl.DataFrame(ROWS, schema_overrides={"size": pl.Int16}).with_columns(
    item_id=pl.Series([f"i{row}" for row in range(4)]),
    created_at=pl.Series(MOMENTS, dtype=pl.Datetime("ms", "UTC")),
    tags=pl.Series(TAGS, dtype=pl.List(pl.String)),
    day=pl.Series([date(2026, 1, 1), None, date(2026, 1, 3), date(2026, 1, 2)]),
    shelf=pl.Series(["a", None, "b", "a"], dtype=pl.Categorical),
    nothing=pl.Series([None] * 4, dtype=pl.Null),
)
TABLE = AttributeTable.of(FRAME)


def rows_of(document: object) -> list[int]:
    return np.flatnonzero(TABLE.fits(parse_filter(document))).tolist()


def ask(field: str, op: str, value: object) -> list[int]:
    return rows_of({"field": field, "op": op, "value": value})


class TestFits:
    @pytest.mark.parametrize(
        ("field", "op", "value", "rows"),
        [
            ("brand", "eq", "OPI", [0]),
            ("brand", "ne", "OPI", [1, 2, 3]),
            ("brand", "in", ["OPI", "Essie"], [0, 3]),
            ("brand", "nin", ["OPI", "Essie"], [1, 2]),
            ("brand", "exists", True, [0, 1, 3]),
            ("brand", "exists", False, [2]),
            ("brand", "contains", "oP", [0, 1]),
            ("brand", "contains", ".", []),
            ("shelf", "eq", "a", [0, 3]),
            ("shelf", "in", ["b", "c"], [2]),
            ("nothing", "eq", "x", []),
            ("nothing", "exists", False, [0, 1, 2, 3]),
            ("price", "lte", 8, [0]),
            ("price", "gt", 8, [3]),
            ("price", "in", [8, 12.5], [0, 3]),
            ("price", "ne", 8, [1, 2, 3]),
            ("price", "exists", False, [1, 2]),
            ("size", "eq", 3, [0, 3]),
            ("size", "eq", 3.0, [0, 3]),
            ("size", "lt", 3.5, [0, 3]),
            ("size", "lt", 2**62, [0, 2, 3]),
            ("size", "in", [5, 70_000], [2]),
            ("vegan", "eq", False, [2]),
            ("vegan", "ne", False, [0, 1, 3]),
            ("created_at", "gte", "2026-01-01", [0, 2]),
            ("created_at", "lt", "2026-01-01T00:00:00Z", [3]),
            ("created_at", "eq", "2026-01-01T02:00:00+02:00", [0]),
            ("day", "in", ["2026-01-02", "2026-01-03"], [2, 3]),
            ("tags", "contains", "red", [0, 3]),
            ("tags", "contains", "re", []),
            ("tags", "exists", False, [2]),
            ("category", "contains", "Makeup", [0, 1]),
            ("category", "contains", "Makeup > Nails", [0]),
            ("category", "contains", "Make", [2]),
            ("category", "eq", "Makeup", [1]),
        ],
    )
    def test_each_comparison_means_what_the_guide_says(self, field, op, value, rows) -> None:
        assert ask(field, op, value) == rows

    def test_not_is_everything_else_missing_values_too(self) -> None:
        cheap = {"field": "price", "op": "lte", "value": 8}
        assert rows_of({"not": cheap}) == [1, 2, 3]
        assert rows_of({"not": {"not": cheap}}) == rows_of(cheap)

    def test_an_unknown_field_is_refused(self) -> None:
        with pytest.raises(RuleRefused, match="'colour' is no attribute"):
            ask("colour", "eq", "red")


VALUES: dict[str, list] = {
    "brand": ["OPI", "opi", "x"],
    "price": [8, 8.0, 12.5, 0],
    "size": [3, 5, 4.5],
    "vegan": [True, False],
    "created_at": ["2026-01-01", "2026-03-01T12:00:00Z"],
    "category": ["Makeup", "Make", "Makeup > Nails"],
    "tags": ["red", "new"],
}
OPS = {
    "brand": ["eq", "ne", "in", "nin", "exists", "contains"],
    "price": ["eq", "ne", "in", "nin", "exists", "lt", "lte", "gt", "gte"],
    "size": ["eq", "ne", "in", "nin", "exists", "lt", "lte", "gt", "gte"],
    "vegan": ["eq", "ne", "in", "nin", "exists"],
    "created_at": ["eq", "ne", "in", "nin", "exists", "lt", "lte", "gt", "gte"],
    "category": ["eq", "ne", "in", "nin", "exists", "contains"],
    "tags": ["contains", "exists"],
}


@st.composite
def any_comparison(draw: st.DrawFn) -> Comparison:
    field = draw(st.sampled_from(sorted(VALUES)))
    op = draw(st.sampled_from(OPS[field]))
    if op == "exists":
        return Comparison(field, op, draw(st.booleans()))
    if op in ("in", "nin"):
        return Comparison(field, op, tuple(draw(st.lists(st.sampled_from(VALUES[field]), min_size=1, max_size=3))))
    return Comparison(field, op, draw(st.sampled_from(VALUES[field])))


ANY_FILTER = st.recursive(
    any_comparison(),
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: AllOf(tuple(parts))),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: AnyOf(tuple(parts))),
    ),
    max_leaves=6,
)


def holds(asked: Filter, row: dict[str, Any]) -> bool:
    """Read aloud: two values only, and nothing is known of what is missing."""
    match asked:
        case AllOf():
            return all(holds(part, row) for part in asked.parts)
        case AnyOf():
            return any(holds(part, row) for part in asked.parts)
        case Not():
            return not holds(asked.part, row)
        case Comparison():
            return compare(asked, row)


def compare(asked: Comparison, row: dict[str, Any]) -> bool:
    own = row[asked.field]
    own = None if isinstance(own, float) and np.isnan(own) else own
    if asked.op == "exists":
        return (own is not None) == asked.value
    values = list(asked.value) if isinstance(asked.value, tuple) else [asked.value]
    if asked.field == "created_at":
        values = [as_instant(value) for value in values]
    if asked.op in ("ne", "nin"):
        return not any(own == value for value in values)
    if own is None:
        return False
    (value, *_) = values
    match asked.op:
        case "eq" | "in":
            return any(own == value for value in values)
        case "lt":
            return own < value
        case "lte":
            return own <= value
        case "gt":
            return own > value
        case "gte":
            return own >= value
        case _ if asked.field == "category":
            return own == value or own.startswith(value + " > ")
        case _ if asked.field == "tags":
            return value in own
        case _:
            return value.lower() in own.lower()


class TestFitsIsTheSlowWay:
    @settings(max_examples=200)
    @given(ANY_FILTER)
    def test_row_by_row(self, asked: Filter) -> None:
        expected = [holds(asked, row) for row in FRAME.iter_rows(named=True)]
        assert TABLE.fits(asked).tolist() == expected


class TestMask:
    def test_hides_what_is_out_of_stock_or_deleted(self) -> None:
        table = AttributeTable(FRAME, np.array([False, False, False, True]))
        assert table.mask(None, include_out_of_stock=False).rows().tolist() == [0, 2]
        assert table.mask(None, include_out_of_stock=True).rows().tolist() == [0, 1, 2]

    def test_is_remembered_by_what_was_asked(self) -> None:
        table = AttributeTable.of(FRAME)
        asked = parse_filter({"field": "brand", "op": "eq", "value": "OPI"})
        again = parse_filter({"field": "brand", "op": "eq", "value": "OPI"})
        first = table.mask(asked, include_out_of_stock=False)
        assert table.mask(again, include_out_of_stock=False) is first
        assert table.mask(again, include_out_of_stock=True) is not first
        assert first.count == 1

    def test_cannot_be_changed_by_who_gets_it(self) -> None:
        with pytest.raises(ValueError, match="read-only"):
            TABLE.mask(None, include_out_of_stock=False).allowed_N[0] = True

    def test_a_replaced_table_goes_without_a_search_for_garbage(self) -> None:
        """The service hardly ever makes one: each change of the catalogue would leave a table behind."""
        gc.disable()
        try:
            table = AttributeTable.of(FRAME)
            table.mask(parse_filter({"field": "brand", "op": "eq", "value": "OPI"}), include_out_of_stock=False)
            replaced = weakref.ref(table)
            del table
            assert replaced() is None
        finally:
            gc.enable()

    def test_without_a_stock_column_everything_is_in_stock(self) -> None:
        assert AttributeTable.of(FRAME.drop("in_stock")).in_stock_N.all()
