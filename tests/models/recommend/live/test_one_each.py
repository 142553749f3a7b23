import pytest

from models.recommend.live.documents import ItemDocument
from models.recommend.live.one_each import one_each

WHOLE = ItemDocument("a", {"title": "t", "price": 1})
CHEAPER = ItemDocument("a", {"price": 0.5}, merges=True)
GONE = ItemDocument("a", {"title": "ignored"}, is_deleted=True)


class TestOneEach:
    @pytest.mark.parametrize(
        ("documents", "expected"),
        [
            ([WHOLE, CHEAPER], ItemDocument("a", {"title": "t", "price": 0.5})),
            ([CHEAPER, WHOLE], WHOLE),
            ([CHEAPER, GONE], ItemDocument("a", {"price": 0.5}, merges=True, is_deleted=True)),
            ([GONE], ItemDocument("a", {}, merges=True, is_deleted=True)),
            ([GONE, CHEAPER], CHEAPER),
            ([GONE, WHOLE], WHOLE),
        ],
    )
    def test_says_what_all_do_one_after_the_other(self, documents, expected) -> None:
        assert one_each(documents, {"a"}) == [expected]

    def test_a_new_item_has_nothing_to_merge_with(self) -> None:
        assert one_each([CHEAPER], ()) == [ItemDocument("a", {"price": 0.5})]
        assert one_each([GONE, CHEAPER], ()) == [ItemDocument("a", {"price": 0.5})]

    def test_what_was_never_there_cannot_go(self) -> None:
        assert one_each([GONE], ()) == []
        assert one_each([WHOLE, GONE], ()) == [ItemDocument("a", {"title": "t", "price": 1}, is_deleted=True)]
