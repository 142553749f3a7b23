import pytest

from models.domain.ids import is_printable, is_usable_id


class TestIsUsableId:
    @pytest.mark.parametrize(
        "good", ["a", "ü" * 128, "商品 1", "no\u00a0break", "wide\u3000space", " inside ", "a/b", "🙂"]
    )
    def test_takes_printable_text_of_any_language(self, good: str):
        assert is_usable_id(good)

    @pytest.mark.parametrize(
        "bad", ["", " ", "\u00a0\u3000", "x" * 129, "tab\there", "a\n", "nul\0", "\u2028a", "a\u200b"]
    )
    def test_refuses_nothing_too_much_and_what_cannot_be_printed(self, bad: str):
        assert not is_usable_id(bad)


class TestIsPrintable:
    def test_surrogates_alone_are_no_text(self):
        assert not is_printable("\ud800")
