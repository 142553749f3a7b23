import threading
from dataclasses import replace

import pytest

from tests.app.api.lists import HISTORY, ask, item_ids
from tests.app.api.shoppers import event, store
from tests.app.api.test_errors import check_problem
from tests.app.scripted_model import ITEM_IDS

HANDED_IN = [{"item_id": "item-3", "score": 1.0}, {"item_id": "item-9", "score": 7.5}, {"item_id": "?", "score": 3}]


def search(client, **body):
    return client.post("/v1/search", json={"query": "title", **body})


class TestSearch:
    def test_needs_nobody_named(self, client):
        told = search(client, k=3).json()
        assert item_ids(told) == ["item-29", "item-28", "item-27"]
        assert (told["retrieval"]["strategy"], told["fallback"]) == ("text", "none")

    def test_the_history_reaches_the_model(self, client, model):
        search(client, query="red tea", history=HISTORY)
        (asked,) = model.searched
        assert (asked.query, [event.item_id for event in asked.request.history]) == ("red tea", ["item-2", "item-0"])

    def test_a_stored_history_is_read(self, client, model):
        store(client, event("item-5", user_id="u1"))
        search(client, user={"user_id": "u1"})
        assert [event.item_id for event in model.searched[0].request.history] == ["item-5"]

    def test_rules_reach_the_model(self, client, model):
        search(client, filter={"field": "price", "op": "lt", "value": 3}, diversity=0.5, max_per={"title": 1})
        request = model.searched[0].request
        assert (request.filter.field, request.diversity, dict(request.max_per)) == ("price", 0.5, {"title": 1})

    def test_candidates_are_ranked_again_and_no_others(self, client, model):
        told = search(client, candidates=HANDED_IN).json()
        assert item_ids(told) == ["item-9", "item-3"]
        assert told["retrieval"]["strategy"] == "candidates"
        assert model.searched[0].candidates == [("item-3", 1.0), ("item-9", 7.5), ("?", 3.0)]

    @pytest.mark.parametrize("score", [1e15, -1e15, 0, 10**15])
    def test_scores_up_to_the_limit_are_taken(self, client, score):
        assert search(client, candidates=[{"item_id": "item-3", "score": score}]).status_code == 200

    @pytest.mark.parametrize("score", [float("nan"), float("inf")])
    @pytest.mark.parametrize("shown", [1, 10])
    def test_a_score_that_is_no_number_is_neither_answered_nor_kept(self, client, model, monkeypatch, score, shown):
        answer = model.search

        def broken(asked):
            made = answer(asked)
            return replace(made, items=[*made.items[:-1], replace(made.items[-1], score=score)])

        recorded = []
        monkeypatch.setattr(model, "search", broken)
        monkeypatch.setattr("app.runtime.served_lists.ServedLists.record", lambda _, *told: recorded.append(told))
        check_problem(search(client, page={"size": shown}, candidates=HANDED_IN), 500)
        assert recorded == []

    def test_no_candidates_are_no_list(self, client):
        told = search(client, candidates=[]).json()
        assert (told["items"], told["retrieval"]["under_filled"]) == ([], True)

    def test_a_recommendation_with_a_query_is_the_same(self, client):
        body = {"query": "title", "history": HISTORY, "k": 4}
        assert ask(client, body).json()["items"] == search(client, **body).json()["items"]

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({}, "/query"),
            ({"query": None}, "/query"),
            ({"query": ""}, "/query"),
            ({"query": " "}, "/query"),
            ({"query": "x" * 513}, "/query"),
            ({"query": "x", "candidates": [{"item_id": "i"}]}, "/candidates/0/score"),
            ({"query": "x", "candidates": [{"item_id": "i", "score": "1"}]}, "/candidates/0/score"),
            ({"query": "x", "candidates": [{"item_id": "i", "score": 1.1e15}]}, "/candidates/0/score"),
            ({"query": "x", "candidates": [{"item_id": "i", "score": -1e300}]}, "/candidates/0/score"),
            ({"query": "x", "candidates": [{"item_id": "i", "score": 1}] * 1001}, "/candidates"),
        ],
    )
    def test_refuses(self, client, body, pointer):
        told = check_problem(client.post("/v1/search", json=body), 422)
        assert [one["pointer"] for one in told["errors"]] == [pointer]

    def test_nothing_of_somebody_who_wants_nothing_personal(self, client, model):
        search(client, user={"user_id": "u1", "personalise": False}, history=HISTORY)
        assert list(model.searched[0].request.history) == []


class TestTexts:
    def test_are_loaded_once_for_the_first_that_needs_them(self, client, model):
        search(client, candidates=HANDED_IN)
        search(client, validate_only=True)
        assert model.num_prepared == 0
        search(client)
        search(client)
        assert model.num_prepared == 1

    def test_that_are_still_loading_hold_no_other_answer_up(self, client, model):
        model.gate.clear()
        waiting = threading.Thread(target=search, args=(client,))
        waiting.start()
        assert item_ids(client.get("/v1/items/item-3/similar?k=2")) == ["item-4", "item-5"]
        model.gate.set()
        waiting.join()

    def test_that_take_longer_than_the_caller_waits_are_a_504(self, client, model):
        model.gate.clear()
        answer = client.post("/v1/search", json={"query": "x"}, headers={"X-Request-Timeout-Ms": "50"})
        check_problem(answer, 504)
        model.gate.set()
        assert item_ids(search(client, k=1)) == ITEM_IDS[-1:]
