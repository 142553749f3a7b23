from datetime import UTC, date, datetime

import polars as pl
import pytest

from models.domain.errors import DocumentRefused
from models.recommend.filter_expressions import kinds_of
from models.recommend.live.columns import with_changes
from models.recommend.live.documents import ItemDocument, check_document

FRAME = pl.DataFrame(
    {
        "item_id": ["a", "b", "c"],
        "title": ["one", "two", None],
        "price": [1.0, 2.0, 3.0],
        "size": [1, 2, None],
        "in_stock": [True, None, False],
        "created_at": pl.Series([datetime(2026, 1, 1, tzinfo=UTC)] * 3, dtype=pl.Datetime("ms", "UTC")),
        "day": [date(2026, 1, 1)] * 3,
        "shelf": pl.Series(["x", "y", "x"], dtype=pl.Categorical),
        "nothing": pl.Series([None] * 3, dtype=pl.Null),
    }
)
ROW = {"a": 0, "b": 1, "c": 2}


def changed(*documents: ItemDocument) -> pl.DataFrame:
    before = FRAME.clone()
    new = [document.item_id for document in documents if document.item_id not in ROW]
    row_of = ROW | {item_id: 3 + number for number, item_id in enumerate(new)}
    after, _ = with_changes(FRAME, documents, [row_of[document.item_id] for document in documents], new)
    assert FRAME.equals(before)
    return after


def merge(item_id: str, **fields) -> ItemDocument:
    return ItemDocument(item_id, fields, merges=True)


class TestWithChanges:
    def test_a_merge_changes_what_it_names(self) -> None:
        after = changed(merge("b", price=9, in_stock=False))
        assert after.drop("price", "in_stock").equals(FRAME.drop("price", "in_stock"))
        assert after["price"].to_list() == [1.0, 9.0, 3.0]
        assert after["in_stock"].to_list() == [True, False, False]
        assert after.schema == FRAME.schema

    def test_a_replacement_empties_the_rest(self) -> None:
        after = changed(ItemDocument("a", {"title": "uno", "price": 5.5}))
        assert after.row(0, named=True) == {
            "item_id": "a", "title": "uno", "price": 5.5, "size": None, "in_stock": None, "created_at": None,
            "day": None, "shelf": None, "nothing": None,
        }  # fmt: skip
        assert after.row(1) == FRAME.row(1)

    def test_new_items_stand_at_the_end(self) -> None:
        after = changed(ItemDocument("d", {"title": "four"}), merge("b", size=7), ItemDocument("e", {"price": 0}))
        assert after["item_id"].to_list() == ["a", "b", "c", "d", "e"]
        assert after["title"].to_list() == ["one", "two", None, "four", None]
        assert after["price"].to_list() == [1.0, 2.0, 3.0, None, 0.0]
        assert after["size"].to_list() == [1, 7, None, None, None]

    def test_new_columns_appear_with_the_type_of_their_values(self) -> None:
        after = changed(merge("a", vegan=True, tags=["x", "y"], weight=3, note="n", image="i"), merge("c", weight=2.5))
        assert after.select("vegan", "tags", "weight", "note", "image").to_dicts() == [
            {"vegan": True, "tags": ["x", "y"], "weight": 3.0, "note": "n", "image": "i"},
            {"vegan": None, "tags": None, "weight": None, "note": None, "image": None},
            {"vegan": None, "tags": None, "weight": 2.5, "note": None, "image": None},
        ]

    def test_a_new_column_of_new_and_old_items(self) -> None:
        after = changed(ItemDocument("d", {}), merge("a", vegan=True))
        assert after["vegan"].to_list() == [True, None, None, None]

    def test_a_column_without_a_value_is_none(self) -> None:
        assert changed(merge("a", colour=None)).columns == FRAME.columns

    def test_whole_numbers_stay_whole_until_one_is_not(self) -> None:
        assert changed(merge("a", size=4)).schema["size"] == pl.Int64
        assert changed(merge("a", size=4.5))["size"].to_list() == [4.5, 2.0, None]

    def test_times_are_kept_as_the_column_keeps_them(self) -> None:
        after = changed(merge("a", created_at="2026-03-01T10:00:00+02:00", day="2026-02-03"))
        assert after["created_at"][0] == datetime(2026, 3, 1, 8, tzinfo=UTC)
        assert after["day"][0] == date(2026, 2, 3)
        assert (after.schema["created_at"], after.schema["day"]) == (FRAME.schema["created_at"], pl.Date)

    def test_empty_text_is_none(self) -> None:
        assert changed(merge("a", title="", shelf="new shelf", nothing="x")).row(0, named=True) | {} == {
            **FRAME.row(0, named=True), "title": None, "shelf": "new shelf", "nothing": "x",
        }  # fmt: skip


REFUSED = [
    ({"price": "cheap"}, "price", "holds finite numbers"),
    ({"price": -1}, "price", "is -1, the least is 0"),
    ({"price": True}, "price", "holds finite numbers"),
    ({"price": float("nan")}, "price", "holds finite numbers"),
    ({"price": 10**400}, "price", "holds finite numbers"),
    ({"size": float("inf")}, "size", "holds finite numbers"),
    ({"title": 7}, "title", "holds text, not '7'"),
    ({"description": ["x"]}, "description", "holds text"),
    ({"in_stock": "yes"}, "in_stock", "holds true or false"),
    ({"created_at": "yesterday"}, "created_at", "holds times"),
    ({"created_at": 7}, "created_at", "holds times"),
    ({"size": "big"}, "size", "holds finite numbers"),
    ({"new": {"a": 1}}, "new", "is neither text, number"),
    ({"new": [1, 2]}, "new", "holds lists of strings"),
    ({"item_id": "z"}, "item_id", "is no name"),
    ({"": 1}, "", "is no name"),
    ({"x" * 129: 1}, "x" * 129, "is no name"),
]


class TestRefusals:
    @pytest.mark.parametrize(("fields", "name", "reason"), REFUSED, ids=[str(n) for n in range(len(REFUSED))])
    def test_name_item_field_and_reason(self, fields, name, reason) -> None:
        document = ItemDocument("b", fields, merges=True)
        for refuse in (
            lambda: changed(merge("a", title="fine", price=1, new="text"), document),
            lambda: check_document(document, kinds_of(FRAME.schema)),
        ):
            with pytest.raises(DocumentRefused) as refused:
                refuse()
            assert (refused.value.item_id, refused.value.field) == ("b", name)
        with pytest.raises(DocumentRefused, match="b") as refused:
            check_document(document, kinds_of(FRAME.schema))
        assert reason in refused.value.reason

    def test_two_kinds_of_one_new_column(self) -> None:
        with pytest.raises(DocumentRefused, match=r"item 'b': 'colour' holds text, not '7'"):
            changed(merge("a", colour="red"), merge("b", colour=7))
