import math

import pytest

from models.domain.errors import InputError, RuleRefused
from models.domain.filter import AllOf, AnyOf, Comparison, Not, comparisons, parse_filter

RED = {"field": "colour", "op": "eq", "value": "red"}


def nested(levels: int) -> dict:
    return RED if levels == 1 else {"not": nested(levels - 1)}


class TestParseFilter:
    def test_reads_groups_and_comparisons(self) -> None:
        found = parse_filter({"all": [RED, {"any": [{"not": RED}, {"field": "price", "op": "in", "value": [1, 2.5]}]}]})
        red = Comparison("colour", "eq", "red")
        assert found == AllOf((red, AnyOf((Not(red), Comparison("price", "in", (1, 2.5))))))

    def test_equal_questions_are_equal_and_others_are_not(self) -> None:
        assert hash(parse_filter({"all": [RED, RED]})) == hash(parse_filter({"all": [dict(RED), dict(RED)]}))
        values = [1, 1.0, True, "1"]
        asked = [Comparison("x", "eq", value) for value in values]
        assert len(set(asked)) == 4
        assert len({Comparison("x", "in", (value,)) for value in values}) == 4

    def test_five_levels_are_the_most(self) -> None:
        assert parse_filter(nested(5))
        with pytest.raises(RuleRefused, match=r"^filter\.not\.not\.not\.not\.not: lies deeper than 5 levels"):
            parse_filter(nested(6))

    def test_fifty_clauses_are_the_most_however_they_are_grouped(self) -> None:
        assert parse_filter({"all": [RED] * 50})
        with pytest.raises(RuleRefused, match=r"^filter\.all: has 51 clauses, the limit is 50"):
            parse_filter({"all": [RED] * 51})
        with pytest.raises(RuleRefused, match=r"^filter: has 52 clauses, the limit is 50"):
            parse_filter({"all": [{"any": [RED] * 26}, {"any": [RED] * 26}]})

    def test_a_tower_of_groups_is_refused_before_it_is_climbed(self) -> None:
        tower: dict = RED
        for _ in range(100_000):
            tower = {"not": tower}
        with pytest.raises(RuleRefused, match="deeper"):
            parse_filter(tower)

    @pytest.mark.parametrize(
        ("document", "path", "reason"),
        [
            (7, ("filter",), "must be an object"),
            ({}, ("filter", "field"), "is required"),
            ({"field": "x", "op": "eq"}, ("filter", "value"), "is required"),
            ({**RED, "weight": 2}, ("filter", "weight"), "is not a known field"),
            ({**RED, "op": "like"}, ("filter", "op"), "must be one of eq, ne, in"),
            ({**RED, "op": ["eq"]}, ("filter", "op"), "must be one of eq, ne, in"),
            ({**RED, "field": ""}, ("filter", "field"), "1 to 512 characters"),
            ({"all": [RED], "any": [RED]}, ("filter",), "must stand alone"),
            ({"all": []}, ("filter", "all"), "at least one"),
            ({"any": RED}, ("filter", "any"), "must be an array"),
            ({"all": [RED, {"not": [RED]}]}, ("filter", "all", 1, "not"), "must be an object"),
            ({**RED, "value": None}, ("filter", "value"), "ask with exists"),
            ({**RED, "value": {"a": 1}}, ("filter", "value"), "must be a string, a number"),
            ({**RED, "value": ["red"]}, ("filter", "value"), "must be a string, a number"),
            ({**RED, "value": math.nan}, ("filter", "value"), "must be finite"),
            ({**RED, "value": 10**30}, ("filter", "value"), "must be finite"),
            ({**RED, "value": "x" * 513}, ("filter", "value"), "has 513 characters, the limit is 512"),
            ({**RED, "op": "in", "value": "red"}, ("filter", "value"), "array of 1 to 1,000"),
            ({**RED, "op": "nin", "value": []}, ("filter", "value"), "array of 1 to 1,000"),
            ({**RED, "op": "in", "value": ["a", None]}, ("filter", "value", 1), "must not be null"),
            ({**RED, "op": "exists", "value": "yes"}, ("filter", "value"), "true or false for exists"),
        ],
    )
    def test_says_where_and_why_it_refuses(self, document: object, path: tuple, reason: str) -> None:
        with pytest.raises(RuleRefused) as refused:
            parse_filter(document)
        assert refused.value.path == path
        assert reason in refused.value.reason
        assert isinstance(refused.value, InputError)


class TestComparisons:
    def test_paths_lead_back_into_the_json(self) -> None:
        document = {"all": [RED, {"not": {"any": [RED, {"field": "price", "op": "lt", "value": 3}]}}]}
        for path, comparison in comparisons(parse_filter(document)):
            found = document
            for step in path:
                found = found[step]
            assert found == {"field": comparison.field, "op": comparison.op, "value": comparison.value}
