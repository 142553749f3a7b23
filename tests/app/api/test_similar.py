from urllib.parse import quote

import orjson
import pytest

from tests.app.api.lists import item_ids
from tests.app.api.test_errors import check_problem


def similar(client, item_id="item-3", **query):
    return client.get(f"/v1/items/{quote(item_id, safe='')}/similar", params=query)


class TestSimilar:
    def test_answers_ten_as_other_lists_are_answered(self, client):
        told = similar(client).json()
        assert item_ids(told) == [f"item-{row}" for row in range(4, 14)]
        assert set(told["items"][0]) == {"item_id", "rank", "score"}
        assert (told["retrieval"]["strategy"], told["fallback"], told["next_cursor"]) == ("exact", "none", None)
        assert told["meta"]["index_version"] == "scripted+0"

    def test_properties_are_told_where_asked_for(self, client):
        told = similar(client, k=1, return_properties=["title", "price"]).json()
        assert told["items"][0]["properties"] == {"title": "title 4", "price": 4.5}

    def test_excluded_items_are_left_out(self, client):
        assert item_ids(similar(client, k=2, exclude_item_ids=["item-4", "item-6"])) == ["item-5", "item-7"]

    def test_fewer_than_asked_for_are_told(self, client):
        assert similar(client, "item-28").json()["retrieval"]["under_filled"]

    @pytest.mark.parametrize("item_id", ["nobody knows", "a/b", 'quotes " here', "🍵", "%2F"])
    def test_an_unknown_item_is_a_404(self, client, item_id):
        assert item_id in check_problem(similar(client, item_id), 404)["detail"]

    @pytest.mark.parametrize(
        ("query", "pointer"),
        [
            ({"k": 0}, "query:k"),
            ({"k": 101}, "query:k"),
            ({"k": "ten"}, "query:k"),
            ({"colour": "red"}, "query:colour"),
            ({"include_out_of_stock": "yes"}, "query:include_out_of_stock"),
            ({"return_properties": "colour"}, "query:return_properties/0"),
            ({"exclude_item_ids": ["i"] * 101}, "query:exclude_item_ids"),
            ({"exclude_item_ids": " "}, "query:exclude_item_ids/0"),
            ({"filter": "price < 3"}, "query:filter"),
            ({"filter": "[" * 5000}, "query:filter"),
            ({"filter": '{"field": "price", "op": "lt", "value": NaN}'}, "query:filter"),
            ({"filter": '{"field": "price", "op": "lt", "op": "lt", "value": 1}'}, "query:filter"),
            ({"filter": "[]"}, "query:filter"),
            ({"filter": '{"field": "price", "op": "like", "value": 1}'}, "query:filter/op"),
            ({"filter": '{"field": "colour", "op": "eq", "value": 1}'}, "query:filter/field"),
            ({"filter": '{"not": {"field": "colour", "op": "eq", "value": 1}}'}, "query:filter/not/field"),
            ({"filter": r'{"field": "title", "op": "eq", "value": "\ud800"}'}, "query:filter"),
            ({"filter": r'{"field": "title", "op": "contains", "value": "\udc00\ud800"}'}, "query:filter"),
            ({"filter": r'{"\ud800": 1}'}, "query:filter"),
        ],
    )
    def test_refuses(self, client, query, pointer):
        assert [one["pointer"] for one in check_problem(similar(client, **query), 422)["errors"]] == [pointer]

    def test_a_filter_is_read_from_json(self, client):
        found = similar(client, k=1, filter=orjson.dumps({"field": "price", "op": "lt", "value": 30}).decode())
        assert found.status_code == 200

    def test_a_whole_surrogate_pair_is_a_character(self, client):
        filter_ = r'{"field": "title", "op": "eq", "value": "\ud83c\udf75"}'
        assert similar(client, k=1, filter=filter_).status_code == 200

    def test_is_kept_and_explained_as_nothing_personal(self, client):
        list_id = similar(client).json()["recommendation_id"]
        told = client.get(f"/v1/recommendations/{list_id}/explanation").json()
        assert (told["personal"], told["summary"]) == (False, "Nothing personal: these items are like 'item-3'.")
