import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.store.paging import read_cursor, write_cursor
from models.domain.errors import CursorRefused

IDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1)


class TestCursor:
    @given(IDS, st.integers(-(2**63) + 1, 2**63 - 1))
    def test_comes_back_as_it_was_written_and_fits_in_a_url(self, text, number):
        cursor = write_cursor("items", text, number)
        assert read_cursor("items", cursor, str, int) == [text, number]
        assert cursor.isascii()
        assert not set(cursor) & set("+/=&?#")

    @given(st.text())
    def test_any_other_text_is_refused(self, text):
        with pytest.raises(CursorRefused, match="items"):
            read_cursor("items", text, str)

    @pytest.mark.parametrize(
        ("list_name", "place", "kinds"),
        [
            ("events", ["a"], [str]),
            ("items", ["a", "b"], [str]),
            ("items", [], [str]),
            ("items", [1], [str]),
            ("items", ["1"], [int]),
            ("items", [True], [int]),
            ("items", ["a\0b"], [str]),
            ("items", [2**63], [int]),
        ],
    )
    def test_of_another_list_or_place_is_refused(self, list_name, place, kinds):
        with pytest.raises(CursorRefused):
            read_cursor("items", write_cursor(list_name, *place), *kinds)
