import math

import pytest

from models.domain.errors import RuleRefused
from models.domain.filter import Comparison
from models.domain.recommendation import MAX_FROZEN
from models.domain.rules import MAX_PER_VALUE, Boost, parse_boosts, parse_max_per

OPI = {"field": "brand", "op": "eq", "value": "OPI"}


class TestParseBoosts:
    def test_reads_comparison_and_weight(self) -> None:
        assert parse_boosts([{**OPI, "weight": 2}]) == (Boost(Comparison("brand", "eq", "OPI"), 2.0),)

    @pytest.mark.parametrize(
        ("document", "path", "reason"),
        [
            ({}, ("boosts",), "must be an array"),
            ([{**OPI, "weight": 1}] * 21, ("boosts",), "21 entries, the limit is 20"),
            ([7], ("boosts", 0), "must be an object"),
            ([OPI], ("boosts", 0, "weight"), "is required"),
            ([{**OPI, "weight": 0.001}], ("boosts", 0, "weight"), "between 0.01 and 100, got 0.001"),
            ([{**OPI, "weight": 101}], ("boosts", 0, "weight"), "between 0.01 and 100, got 101"),
            ([{**OPI, "weight": 10**400}], ("boosts", 0, "weight"), f"and 100, got 1{18 * '0'}…"),
            ([{**OPI, "weight": -(10**400)}], ("boosts", 0, "weight"), f"and 100, got -1{17 * '0'}…"),
            ([{**OPI, "weight": math.inf}], ("boosts", 0, "weight"), "and 100, got inf"),
            ([{**OPI, "weight": math.nan}], ("boosts", 0, "weight"), "finite"),
            ([{**OPI, "weight": True}], ("boosts", 0, "weight"), "finite number"),
            ([{**OPI, "weight": 2}, {"all": [OPI], "weight": 2}], ("boosts", 1, "field"), "is required"),
        ],
    )
    def test_says_where_and_why_it_refuses(self, document, path, reason) -> None:
        with pytest.raises(RuleRefused) as refused:
            parse_boosts(document)
        assert refused.value.path == path
        assert reason in refused.value.reason


class TestParseMaxPer:
    def test_reads_fields_and_limits(self) -> None:
        assert parse_max_per({"brand": 2}) == {"brand": 2}

    @pytest.mark.parametrize(
        "document",
        [[], *({"brand": most} for most in (0, 501, 10**20, 1.5, True)), {str(n): 1 for n in range(6)}],
    )
    def test_refuses_what_is_no_limit(self, document) -> None:
        with pytest.raises(RuleRefused, match="max_per"):
            parse_max_per(document)

    def test_allows_as_many_as_the_longest_list_has(self) -> None:
        assert parse_max_per({"brand": MAX_FROZEN}) == {"brand": MAX_PER_VALUE}
