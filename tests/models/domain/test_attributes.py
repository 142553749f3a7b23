from datetime import UTC, datetime

import pytest

from models.domain.attributes import as_instant, check_filter
from models.domain.errors import RuleRefused
from models.domain.filter import parse_filter

KINDS = {
    "brand": "text",
    "price": "number",
    "in_stock": "flag",
    "created_at": "time",
    "tags": "texts",
    "category": "category",
}


def check(field: str, op: str, value: object) -> None:
    check_filter(parse_filter({"all": [{"field": field, "op": op, "value": value}]}), KINDS)


class TestCheckFilter:
    @pytest.mark.parametrize(
        ("field", "op", "value"),
        [
            ("brand", "eq", "OPI"),
            ("brand", "nin", ["OPI", "Essie"]),
            ("brand", "contains", "op"),
            ("price", "lte", 80),
            ("price", "in", [1, 2.5]),
            ("in_stock", "eq", True),
            ("created_at", "gte", "2026-01-01"),
            ("created_at", "lt", "2026-01-01T10:00:00+02:00"),
            ("tags", "contains", "vegan"),
            ("tags", "exists", False),
            ("category", "contains", "Makeup"),
        ],
    )
    def test_lets_through_what_the_catalogue_can_answer(self, field: str, op: str, value: object) -> None:
        check(field, op, value)

    @pytest.mark.parametrize(
        ("field", "op", "value", "last", "reason"),
        [
            ("colour", "eq", "red", ("field",), "'colour' is no attribute of this catalogue; known: brand, category"),
            ("brand", "lt", "OPI", ("op",), "'brand' is a text, which knows contains, eq, exists"),
            ("brand", "eq", 7, ("value",), "'7' is not what 'brand' is compared with: a string"),
            ("price", "eq", "7", ("value",), "a number"),
            ("price", "eq", True, ("value",), "a number"),
            ("price", "in", [1, "x"], ("value", 1), "a number"),
            ("price", "contains", 1, ("op",), "not contains"),
            ("in_stock", "eq", 1, ("value",), "true or false"),
            ("created_at", "gt", "yesterday", ("value",), "2026-11-24T03:00:00Z"),
            ("created_at", "gt", "2026-01-01T10:00:00", ("value",), "with zone"),
            ("tags", "eq", "vegan", ("op",), "a list of strings, which knows contains, exists"),
        ],
    )
    def test_names_field_value_and_what_is_known(self, field, op, value, last, reason) -> None:
        with pytest.raises(RuleRefused) as refused:
            check(field, op, value)
        assert refused.value.path == ("filter", "all", 0, *last)
        assert reason in refused.value.reason

    def test_an_empty_catalogue_knows_nothing(self) -> None:
        with pytest.raises(RuleRefused, match="known: none"):
            check_filter(parse_filter({"field": "x", "op": "exists", "value": True}), {})


class TestAsInstant:
    def test_a_date_is_its_first_moment(self) -> None:
        assert as_instant("2026-02-03") == datetime(2026, 2, 3, tzinfo=UTC)

    def test_zones_are_brought_to_utc(self) -> None:
        assert as_instant("2026-02-03T01:00:00+02:00") == datetime(2026, 2, 2, 23, tzinfo=UTC)

    @pytest.mark.parametrize("text", ["", "2026-02-30", "2026-02-03 10:00", "0001-01-01T00:00:00+14:00", "12"])
    def test_what_names_no_moment_is_none(self, text: str) -> None:
        assert as_instant(text) is None
