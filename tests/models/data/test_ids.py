import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.data.check import Findings
from models.data.ids import id_text, unusable_ids
from models.domain.ids import is_usable_id

SPACES = " \t\x1c\x85\u00a0\u1680\u2003\u3000\u2028a"
"""Python and Polars do not agree on all of them."""


def unusable(ids: list[str | None]) -> tuple[list[bool], Findings]:
    findings = Findings()
    series = pl.Series(ids, dtype=pl.String)
    rows = pl.int_range(1, len(ids) + 1, eager=True)
    mask = unusable_ids(series, rows, findings, file="events.csv", column="user_id", dropped="event dropped")
    return mask.to_list(), findings


class TestIdText:
    def test_whole_numbers_become_their_decimals(self):
        assert id_text(pl.Series([7, None, -1])).to_list() == ["7", None, "-1"]
        assert id_text(pl.Series([17850.0, None, 0.5])).to_list() == ["17850", None, "0.5"]
        assert id_text(pl.Series(["007"])).to_list() == ["007"]

    @given(st.lists(st.integers(-(2**62), 2**62), min_size=1))
    def test_integers_are_never_rounded(self, numbers: list[int]):
        assert id_text(pl.Series(numbers, dtype=pl.Int64)).to_list() == [str(number) for number in numbers]


class TestUnusableIds:
    @pytest.mark.parametrize(
        ("bad", "what"),
        [
            (None, "empty id"),
            ("", "empty id"),
            ("  ", "empty id"),
            ("x" * 129, "id of more than 128 characters"),
            ("tab\there", "unprintable id"),
            ("null\x00byte", "unprintable id"),
            ("line\u2028break", "unprintable id"),
            ("zero\u200bwidth", "unprintable id"),
        ],
    )
    def test_names_what_is_wrong(self, bad: str | None, what: str):
        mask, findings = unusable(["good", bad])
        assert mask == [False, True]
        assert [(problem.what, problem.count, problem.rows) for problem in findings.problems] == [(what, 1, (2,))]

    def test_takes_128_characters_of_any_language(self):
        mask, findings = unusable(["ü" * 128, "商品 1", "a/b", "🙂", "no\u00a0break", "wide\u3000space"])
        assert mask == [False] * 6
        assert findings.problems == []

    @given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=140) | st.text(SPACES, max_size=3)))
    def test_refuses_what_a_request_would_be_refused_for_and_nothing_else(self, ids: list[str]):
        mask, _ = unusable([*ids])
        assert mask == [not is_usable_id(text) for text in ids]
