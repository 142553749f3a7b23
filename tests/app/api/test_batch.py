import pytest

from app.api import MAX_LARGE_BODY_BYTES
from app.api.answering import LISTS_A_PIECE
from app.api.batch import MAX_REQUESTS
from tests.app.api.lists import HISTORY, ask
from tests.app.api.shoppers import event, store
from tests.app.api.test_errors import check_problem

GOOD = {"history": HISTORY, "k": 3, "seed": 1}


def results(client, *requests):
    answer = client.post("/v1/recommendations:batch", json={"requests": list(requests)})
    assert answer.status_code == 200, answer.text
    return answer.json()["results"]


def without_what_differs(told):
    """Request id, timing and index age are not part of an answer."""
    return {name: value for name, value in told.items() if name not in ("meta", "recommendation_id", "next_cursor")}


class TestBatch:
    def test_answers_each_as_alone_in_their_order(self, client):
        store(client, event("item-4", user_id="u1"))
        bodies = [
            GOOD,
            {"history": []},
            {"user": {"user_id": "u1"}, "seed": 3, "return_properties": ["title"]},
            {"history": HISTORY, "query": "title"},
            {"history": HISTORY, "explain": "full", "k": 2},
            {"history": HISTORY, "page": {"size": 4}},
            {"history": HISTORY, "validate_only": True},
            {"history": [{"item_id": "nobody knows"}, *HISTORY]},
        ]
        alone = [ask(client, body).json() for body in bodies]
        assert [without_what_differs(one) for one in results(client, *bodies)] == [
            without_what_differs(one) for one in alone
        ]

    def test_each_item_has_its_own_properties(self, client):
        wished = [["title"], ["price", "title"], None, ["title"], [], ["title"]]
        bodies = [
            {"history": HISTORY, "exploration": 1.0, "seed": seed, "k": 2 + seed, "return_properties": names}
            for seed, names in enumerate(wished)
        ]
        for names, told in zip(wished, results(client, *bodies), strict=True):
            for item in told["items"]:
                row = int(item["item_id"].removeprefix("item-"))
                truth = {"title": f"title {row}", "price": row + 0.5}
                assert item.get("properties") == (None if names is None else {name: truth[name] for name in names})

    def test_plain_lists_share_one_call_of_the_model(self, client, model):
        before = model.num_calls
        results(client, *[GOOD] * 5)
        assert (model.num_calls, len(model.asked)) == (before + 1, 5)

    def test_a_long_one_is_made_in_pieces(self, client, model):
        bodies = [{"history": HISTORY, "exploration": 1.0, "seed": seed, "k": 2} for seed in range(LISTS_A_PIECE + 3)]
        bodies[LISTS_A_PIECE] = {"history": HISTORY, "filter": {"field": "colour", "op": "eq", "value": 1}}
        alone = [ask(client, body).json() for body in bodies]
        before = model.num_calls
        told = results(client, *bodies)
        assert model.num_calls == before + 2
        assert told.pop(LISTS_A_PIECE)["error"]["errors"][0]["pointer"] == f"/requests/{LISTS_A_PIECE}/filter/field"
        assert alone.pop(LISTS_A_PIECE)["status"] == 422
        assert [without_what_differs(one) for one in told] == [without_what_differs(one) for one in alone]

    def test_each_piece_takes_a_permit(self, client, model, live):
        model.gate.clear()
        hurry = {"X-Request-Timeout-Ms": "300"}
        check_problem(client.post("/v1/recommendations", json={"history": []}, headers=hurry), 504)
        path, more = "/v1/recommendations:batch", [{"history": []}] * (LISTS_A_PIECE + 1)
        refused = check_problem(client.post(path, json={"requests": more}, headers=hurry), 503)
        assert "1 of 2 permits are taken, and the request needs 2" in refused["detail"]
        check_problem(client.post(path, json={"requests": more[1:]}, headers=hurry), 504)
        model.gate.set()

    def test_one_bad_entry_fails_alone(self, client):
        first, bad, last = results(client, GOOD, {"history": HISTORY, "k": 1000}, GOOD)
        assert first["items"] == last["items"] != []
        assert set(bad) == {"error"}
        assert (bad["error"]["status"], bad["error"]["title"]) == (422, "Invalid fields")
        assert bad["error"]["errors"][0]["pointer"] == "/requests/1/k"

    @pytest.mark.parametrize(
        ("bad", "pointer"),
        [
            (None, "/requests/0"),
            (5, "/requests/0"),
            ([], "/requests/0"),
            ({}, "/requests/0"),
            ({"history": [{}]}, "/requests/0/history/0/item_id"),
            ({"history": [], "requests": []}, "/requests/0/requests"),
            ({"history": [], "filter": {"field": "colour", "op": "eq", "value": 1}}, "/requests/0/filter/field"),
            ({"history": [], "filter": {"field": 1}}, "/requests/0/filter/op"),
            (
                {"history": [], "boosts": [{"field": "price", "op": "lt", "value": 1, "weight": 10**400}]},
                "/requests/0/boosts/0/weight",
            ),
            ({"history": [], "return_properties": ["colour"]}, "/requests/0/return_properties/0"),
            ({"history": [], "page": {"cursor": "x"}}, "/requests/0/page/cursor"),
        ],
    )
    def test_each_kind_of_refusal_leads_into_the_batch(self, client, bad, pointer):
        refused, good = results(client, bad, GOOD)
        assert [one["pointer"] for one in refused["error"]["errors"]] == [pointer]
        assert len(good["items"]) == 3

    def test_every_list_has_an_id_of_its_own_and_can_be_explained(self, client):
        told = results(client, GOOD, GOOD)
        ids = {one["recommendation_id"] for one in told}
        assert len(ids) == 2
        assert {client.get(f"/v1/recommendations/{one}/explanation").status_code for one in ids} == {200}

    def test_every_list_is_counted_and_the_call_once(self, client):
        def counted():
            lines = dict(line.rsplit(" ", 1) for line in client.get("/metrics").text.splitlines() if line[0] != "#")
            names = ("recommendations_total", "batch_size_count", "batch_size_sum")
            return [sum(float(lines[one]) for one in lines if one.startswith(f"figment_{name}")) for name in names]

        before = counted()
        results(client, GOOD, {"history": []}, {"k": 1000}, {**GOOD, "validate_only": True})
        assert [after - then for after, then in zip(counted(), before, strict=True)] == [2, 1, 2]

    def test_nothing_asked_is_nothing_answered(self, client):
        assert results(client) == []

    def test_the_most_is_accepted(self, client):
        assert len(results(client, *[GOOD] * MAX_REQUESTS)) == MAX_REQUESTS

    def test_one_more_is_refused(self, client):
        answer = client.post("/v1/recommendations:batch", json={"requests": [GOOD] * (MAX_REQUESTS + 1)})
        assert "has 257 entries, the limit is 256" in check_problem(answer, 422)["detail"]

    def test_explains_as_much_as_one_question_may_ask(self, client, model):
        long = {"history": [{"item_id": "item-2"}] * 500, "k": 1, "num_samples": 16}
        explained = {**long, "explain": "reasons"}
        assert len(results(client, explained, {**long, "explain": "full"}, *[long] * 20)) == 22
        before = model.num_calls
        answer = client.post("/v1/recommendations:batch", json={"requests": [explained] * 3})
        told = check_problem(answer, 422)
        assert told["errors"][0]["pointer"] == "/requests"
        assert "24000 events" in told["detail"]
        assert "the limit is 16000" in told["detail"]
        assert model.num_calls == before

    def test_counts_stored_histories_that_are_to_be_explained(self, client):
        for _ in range(2):
            store(client, *[event("item-4", user_id="u1")] * 300)
        stored = {"user": {"user_id": "u1"}, "num_samples": 32, "k": 1, "explain": "reasons"}
        assert len(results(client, stored)) == 1
        answer = client.post("/v1/recommendations:batch", json={"requests": [stored, stored]})
        assert "32000 events" in check_problem(answer, 422)["detail"]

    def test_body_over_its_limit_is_refused(self, client):
        answer = client.post(
            "/v1/recommendations:batch",
            content=b" " * (MAX_LARGE_BODY_BYTES + 1),
            headers={"content-type": "application/json"},
        )
        check_problem(answer, 413)
