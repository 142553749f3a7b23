"""A key that everyone can read, in the hands of somebody who wants to learn what another shopper did."""

import orjson
import pytest
from fastapi.testclient import TestClient

from app.api.admission import AccessRules
from app.api.asked import NOTHING_READ
from app.main import create_app
from tests.app.api.lists import HISTORY, ask, item_ids
from tests.app.api.shoppers import event
from tests.app.api.test_errors import check_problem
from tests.app.conftest import bearer, wait_until_loaded

PAGE = "https://shop.example"


@pytest.fixture
def secret(make_key):
    """Headers of the shop's own key."""
    return bearer(make_key("recommend", "events")[0])


@pytest.fixture
def page(make_key):
    """Headers of a page's key."""
    return bearer(make_key("recommend", "events", kind="publishable", origins=[PAGE])[0]) | {"Origin": PAGE}


@pytest.fixture
def victim(client, secret):
    """Somebody whose events are stored."""
    answer = client.post("/v1/events", json={"events": [event("item-7", user_id="victim")]}, headers=secret)
    assert answer.json()["accepted"] == 1
    return {"user_id": "victim"}


class TestAttack:
    def test_gets_lists_for_a_history_that_it_brings(self, client, page):
        told = ask(client, {"history": HISTORY, "explain": "full"}, **page).json()
        assert (told["fallback"], bool(told["items"][0]["reasons"])) == ("none", True)
        assert client.post("/v1/search", json={"query": "x", "history": HISTORY}, headers=page).status_code == 200
        assert client.get("/v1/items/item-3/similar", headers=page).status_code == 200

    def test_another_s_account_answers_as_nobody_s(self, client, page, victim):
        for body in ({"user": victim}, {"user": victim, "explain": "full"}, {"user": victim, "query": "x"}):
            stranger = {**body, "user": {"user_id": "nobody"}, "seed": 1}
            told, of_nobody = (ask(client, {**one, "seed": 1}, **page).json() for one in (body, stranger))
            for name in ("items", "fallback", "warnings", "retrieval"):
                assert told[name] == of_nobody[name]
            assert "item-7" not in str(told["items"][0].get("reasons"))
            assert told["warnings"][0] == NOTHING_READ

    def test_is_told_that_nothing_stored_is_read_where_that_was_asked_for(self, client, page, secret, victim):
        guest = {"user": {"session_id": "s"}}
        assert ask(client, guest, **page).json()["warnings"] == [NOTHING_READ]
        for body, headers in (
            ({"user": victim, "history": HISTORY}, page),
            ({"user": {**victim, "personalise": False}}, page),
            ({"user": victim}, secret),
        ):
            assert NOTHING_READ not in ask(client, body, **headers).json()["warnings"]

    def test_a_list_of_the_shop_s_own_key_is_neither_explained_nor_paged(self, client, page, secret, victim):
        body = {"user": victim, "page": {"size": 5}}
        told = ask(client, body, **secret).json()
        body["page"]["cursor"] = told["next_cursor"]
        check_problem(ask(client, body, **page), 422)
        check_problem(client.get(f"/v1/recommendations/{told['recommendation_id']}/explanation", headers=page), 403)
        assert item_ids(ask(client, body, **secret))

    def test_another_visitor_s_list_is_not_explained_though_the_key_is_the_same(self, client, page):
        told = ask(client, {"history": HISTORY}, **page).json()
        check_problem(client.get(f"/v1/recommendations/{told['recommendation_id']}/explanation", headers=page), 403)

    def test_an_order_s_id_does_not_make_the_order_a_repetition(self, client, page, secret):
        sent = [event("x", event_id="order-1001", user_id="visitor")]
        order = event("a", event_type="purchase", event_id="order-1001", user_id="buyer")
        told = [
            client.post("/v1/events", json={"events": events}, headers=headers).json()
            for events, headers in ((sent, page), ([order], secret), ([order], secret), (sent, page))
        ]
        assert [(one["accepted"], one["duplicates"]) for one in told] == [(1, 0), (1, 0), (0, 1), (0, 1)]
        stored = client.get("/v1/users/visitor/events", headers=secret).json()["events"]
        assert [one["event_id"] for one in stored] == ["order-1001"]

    def test_a_guessed_id_neither_keeps_another_visitor_s_event_out_nor_tells_of_it(self, client, page, secret):
        told = [
            client.post("/v1/events", json={"events": [event("x", event_id="view-1", **who)]}, headers=page).json()
            for who in (
                {"session_id": "other"},
                {"user_id": "u"},
                {"session_id": "s"},
                {"user_id": "u", "session_id": "s"},
            )
        ]
        assert [(one["accepted"], one["duplicates"]) for one in told] == [(1, 0)] * 4
        stored = client.get("/v1/users/u/events", headers=secret).json()["events"]
        assert [one["event_id"] for one in stored] == ["view-1"] * 2

    def test_a_guessed_idempotency_key_neither_keeps_another_visitor_s_request_out_nor_tells_of_it(self, client, page):
        bodies = [{"events": [event("x", event_id="view-1", session_id=one)]} for one in ("mine", "theirs")]
        for _ in range(2):
            for body in bodies:
                told = client.post("/v1/events", json=body, headers={**page, "Idempotency-Key": "first"})
                assert (told.status_code, told.json()["accepted"], told.json()["duplicates"]) == (202, 1, 0)

    def test_a_visitor_s_own_key_with_another_body_is_refused(self, client, page):
        for item_id, status in (("x", 202), ("y", 422)):
            body = {"events": [event(item_id, session_id="mine")]}
            told = client.post("/v1/events", json=body, headers={**page, "Idempotency-Key": "first"})
            assert told.status_code == status

    def test_batches_are_for_servers(self, client, page):
        check_problem(client.post("/v1/recommendations:batch", json={"requests": []}, headers=page), 403)


PRIVATE = {"field": "margin", "op": "gt", "value": 3}
ASKED_OF_THE_PRIVATE = [
    ({"return_properties": ["title", "margin"]}, "/return_properties/1"),
    ({"filter": PRIVATE}, "/filter/field"),
    ({"filter": {"all": [{"field": "price", "op": "gt", "value": 3}, {"not": PRIVATE}]}}, "/filter/all/1/not/field"),
    ({"boosts": [{**PRIVATE, "weight": 2}]}, "/boosts/0/field"),
    ({"max_per": {"margin": 1}}, "/max_per/margin"),
]


class TestAttributesOfTheCatalogue:
    """What a column holds can be read from what a filter leaves as well as from the column itself."""

    @pytest.fixture(autouse=True)
    def model_with_secrets(self, model):
        model.property_names = ["title", "price", "margin", "supplier"]

    @pytest.mark.parametrize(("asked", "pointer"), ASKED_OF_THE_PRIVATE)
    @pytest.mark.parametrize("more", [{}, {"query": "x"}, {"validate_only": True}])
    def test_that_no_page_shows_are_as_if_they_were_not_there(self, client, page, asked, pointer, more):
        told = check_problem(ask(client, {"history": HISTORY, **asked, **more}, **page), 422)
        assert [one["pointer"] for one in told["errors"]] == [pointer]
        assert "price, title" in told["detail"].replace("title, price", "price, title")
        assert "supplier" not in str(told)
        made_up = orjson.loads(orjson.dumps(asked).replace(b"margin", b"nonono"))
        of_none = check_problem(ask(client, {"history": HISTORY, **made_up, **more}, **page), 422)
        assert of_none["detail"] == told["detail"].replace("margin", "nonono")

    def test_are_refused_in_a_search_and_of_similar_items_too(self, client, page):
        for asked, _ in ASKED_OF_THE_PRIVATE:
            body = {"query": "x", "candidates": [{"item_id": "item-3", "score": 1}], **asked}
            check_problem(client.post("/v1/search", json=body, headers=page), 422)
        for name, value in (("return_properties", "margin"), ("filter", orjson.dumps(PRIVATE).decode())):
            answer = client.get("/v1/items/item-3/similar", params={name: value}, headers=page)
            told = check_problem(answer, 422)
            assert told["errors"][0]["pointer"].startswith(f"query:{name}")
            assert "supplier" not in str(told)

    def test_that_pages_show_are_told(self, client, page):
        asked = {
            "return_properties": ["title", "price"],
            "filter": {
                "any": [{"field": "price", "op": "lt", "value": 9}, {"field": "title", "op": "eq", "value": ""}]
            },
            "boosts": [{"field": "item_id", "op": "eq", "value": "item-3", "weight": 2}],
            "max_per": {"title": 1},
        }
        assert ask(client, {"history": HISTORY, **asked}, **page).status_code == 200

    @pytest.mark.parametrize("asked", [asked for asked, _ in ASKED_OF_THE_PRIVATE if "return_properties" not in asked])
    def test_are_all_open_to_the_shop_s_own_keys(self, client, secret, asked):
        assert ask(client, {"history": HISTORY, **asked}, **secret).status_code == 200

    def test_are_those_that_the_operator_names(self, live, open_store, make_key):
        rules = AccessRules(public_attributes=frozenset({"margin"}))
        key = make_key("recommend", kind="publishable", origins=[PAGE])[0]
        app = create_app(live, open_store, on_load_failure=pytest.fail, access_rules=rules)
        with TestClient(app, base_url="http://localhost", headers=bearer(key) | {"Origin": PAGE}) as client:
            wait_until_loaded(client)
            answers = [ask(client, {"history": [], "max_per": {name: 1}}) for name in ("margin", "price", "item_id")]
        assert [answer.status_code for answer in answers] == [200, 422, 200]


class TestTwoSecretKeys:
    def test_do_not_see_each_other_s_lists(self, client, secret, make_key):
        other = bearer(make_key("recommend")[0])
        told = ask(client, {"history": HISTORY, "page": {"size": 5}}, **secret).json()
        later = {"history": HISTORY, "page": {"size": 5, "cursor": told["next_cursor"]}}
        path = f"/v1/recommendations/{told['recommendation_id']}/explanation"
        assert [client.get(path, headers=headers).status_code for headers in (secret, other)] == [200, 404]
        assert [ask(client, later, **headers).status_code for headers in (secret, other)] == [200, 422]
