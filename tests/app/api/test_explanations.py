from functools import partial

import pytest

from app.store.store import Store
from tests.app.api.lists import HISTORY, item_ids, listed
from tests.app.api.shoppers import event, store, user_path
from tests.app.api.test_errors import check_problem
from tests.app.conftest import sqlite_url


def explained(client, list_id):
    return client.get(f"/v1/recommendations/{list_id}/explanation")


class TestExplanation:
    def test_tells_what_each_event_did_for_each_item(self, client):
        answer = listed(client, {"history": HISTORY, "k": 2, "seed": 9})
        told = explained(client, answer["recommendation_id"]).json()
        meta = told.pop("meta")
        reasons = [{"item_id": "item-2", "contribution": 0.5}, {"item_id": "item-0", "contribution": 0.4}]
        common = {"reasons": reasons, "nearest_bought": "item-2", "sources": ["generator"]}
        assert told == {
            "recommendation_id": answer["recommendation_id"],
            "personal": True,
            "summary": "The reasons tell by how much each item's score would be lower without an event of the history.",
            "items": [
                {"item_id": "item-1", "rank": 1, "score": 1.0, **common},
                {"item_id": "item-3", "rank": 2, "score": 0.99, **common},
            ],
            "first_place": {"without": ["item-2"], "would_be_first": "item-29", "events_tried": 1},
            "warnings": [],
        }
        assert (meta["seed"], meta["index_version"]) == (9, "scripted+0")

    def test_explains_what_was_asked_then(self, client, model):
        body = {
            "history": HISTORY, "k": 2, "seed": 9, "exploration": 0.5, "num_samples": 3, "diversity": 0.5,
            "filter": {"field": "price", "op": "lt", "value": 30}, "search_profile": "fast",
            "exclude": {"item_ids": ["item-7"], "seen": True}, "boosts": [], "max_per": {"title": 1},
        }  # fmt: skip
        answer = listed(client, body)
        explained(client, answer["recommendation_id"])
        ((request, asked, full),) = model.explained
        assert request == model.asked[0]
        assert (asked, full) == (item_ids(answer), True)

    def test_of_a_stored_history_stays_what_it_was(self, client, model):
        store(client, event("item-5", minutes=9), event("item-6", minutes=5))
        answer = listed(client, {"user": {"user_id": "u1"}})
        store(client, event("item-8", minutes=1))
        told = explained(client, answer["recommendation_id"]).json()
        assert [one["item_id"] for one in told["items"][0]["reasons"]] == ["item-5", "item-6"]

    def test_of_pages_tells_the_first_hundred(self, client):
        answer = listed(client, {"history": HISTORY, "page": {"size": 2}})
        told = explained(client, answer["recommendation_id"]).json()
        assert [item["rank"] for item in told["items"]] == list(range(1, 29))

    def test_of_a_search_tells_what_the_history_added(self, client):
        answer = client.post("/v1/search", json={"query": "x", "history": HISTORY, "k": 2}).json()
        told = explained(client, answer["recommendation_id"]).json()
        assert told["summary"].startswith("The query found these items")
        assert (told["personal"], told["first_place"]) == (True, None)

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            ({"history": []}, "there was no usable history, so popular items"),
            ({"history": HISTORY, "user": {"personalise": False}}, "wants nothing personal"),
            ({"history": [], "query": "x"}, "the words of the query decided"),
        ],
    )
    def test_where_nothing_is_personal_it_says_so(self, client, body, words):
        told = explained(client, listed(client, body)["recommendation_id"]).json()
        assert (told["personal"], told["first_place"]) == (False, None)
        assert words in told["summary"]

    def test_by_another_index_says_so(self, client, model):
        answer = listed(client, {"history": HISTORY})
        model.index_version = "scripted+1"
        told = explained(client, answer["recommendation_id"]).json()
        assert told["warnings"] == ["the list was made by model scripted and index scripted+0"]

    def test_of_an_erased_shopper_is_gone(self, client):
        answer = listed(client, {"user": {"user_id": "u1"}, "history": HISTORY})
        assert client.delete(user_path("u1")).status_code == 204
        check_problem(explained(client, answer["recommendation_id"]), 404)

    @pytest.mark.parametrize("list_id", ["x", "01M8GDTH2D4F4PKD6KNNAZVWQT", "%F0%9F%8D%B5", "a%2Fb"])
    def test_of_no_list_is_a_404(self, client, list_id):
        check_problem(explained(client, list_id), 404)

    def test_a_path_that_is_no_id_is_refused(self, client):
        check_problem(explained(client, "x" * 129), 422)


class TestAnHour:
    @pytest.fixture
    def open_store(self, tmp_path, clock):
        """With a clock that the test moves."""
        return partial(Store.open, sqlite_url(tmp_path), clock)

    @pytest.mark.parametrize(("minutes", "status"), [(59, 200), (61, 404)])
    def test_is_how_long_a_list_can_be_explained(self, client, clock, minutes, status):
        list_id = listed(client, {"history": HISTORY})["recommendation_id"]
        clock.forward(minutes=minutes)
        assert explained(client, list_id).status_code == status
