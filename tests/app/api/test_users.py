import sqlite3
import time
from contextlib import closing
from urllib.parse import quote

import pytest

from app.runtime.served_lists import EVERY_SECONDS
from tests.app.api.shoppers import event, guest, post, store, stored, stored_items, user_path
from tests.app.api.test_errors import check_problem
from tests.app.conftest import bearer
from tests.app.store.child import places_in_files

PAGE = "https://shop.example"

STRANGE_IDS = ["a/b", "/", 'say "hi"', "it's", "😀", "שלום", "a:merge", "events", "a%2Fb", "?x=1#y", "a b", "\\"]


def listed(answer):
    assert answer.status_code == 200, answer.text
    return [item["item_id"] for item in answer.json()["items"]]


class TestRecommendations:
    def test_are_those_of_the_stored_history(self, client, model):
        store(client, event("item-2", 3), event("item-0", 2, event_type="purchase"))
        model.asked.clear()
        answer = client.get("/v1/users/u1/recommendations?k=3")
        assert listed(answer) == ["item-1", "item-3", "item-4"]
        assert answer.json()["fallback"] == "none"
        assert [(one.item_id, one.event_type) for one in model.asked[0].history] == [
            ("item-2", "view"),
            ("item-0", "purchase"),
        ]

    def test_are_what_the_other_path_answers(self, client):
        store(client, event("item-2"))
        posted = client.post("/v1/recommendations", json={"user": {"user_id": "u1"}, "k": 4})
        assert listed(client.get("/v1/users/u1/recommendations?k=4")) == listed(posted)

    def test_are_ten_unless_asked(self, client):
        assert len(listed(client.get("/v1/users/u1/recommendations"))) == 10

    def test_of_somebody_unknown_are_popular_items(self, client):
        answer = client.get("/v1/users/nobody/recommendations")
        assert (answer.json()["fallback"], len(listed(answer))) == ("popularity", 10)

    def test_within_a_time_limit(self, client, model):
        model.gate.clear()
        answer = client.get("/v1/users/u1/recommendations", headers={"X-Request-Timeout-Ms": "20"})
        check_problem(answer, 504)
        model.gate.set()

    @pytest.mark.parametrize(
        ("k", "detail"), [("0", "least allowed, 1"), ("101", "most allowed, 100"), ("x", "integer")]
    )
    def test_k_has_limits(self, client, k, detail):
        told = check_problem(client.get(f"/v1/users/u1/recommendations?k={k}"), 422)
        assert told["errors"][0]["pointer"] == "query:k"
        assert detail in told["detail"]


class TestStoredHistory:
    def test_is_used_where_none_is_posted(self, client, model):
        store(client, event("item-5", 3), guest("item-6", 2), guest("item-7", 1, session_id="s2"))
        for user, items in [
            ({"user_id": "u1"}, ["item-5"]),
            ({"session_id": "s1"}, ["item-6"]),
            ({"user_id": "u1", "session_id": "s1"}, ["item-5", "item-6"]),
        ]:
            model.asked.clear()
            assert client.post("/v1/recommendations", json={"user": user}).status_code == 200
            assert [one.item_id for one in model.asked[0].history] == items

    @pytest.mark.parametrize("history", [[], [{"item_id": "item-9"}]])
    def test_gives_way_to_a_posted_one(self, client, model, history):
        store(client, event("item-5"))
        model.asked.clear()
        client.post("/v1/recommendations", json={"user": {"user_id": "u1"}, "history": history})
        assert [one.item_id for one in model.asked[0].history] == [one["item_id"] for one in history]

    def test_is_the_newest_five_hundred(self, client, model):
        store(client, *(event(f"item-{number % 30}", 600 - number) for number in range(600)))
        model.asked.clear()
        client.get("/v1/users/u1/recommendations")
        history = model.asked[0].history
        assert [one.item_id for one in history] == [f"item-{number % 30}" for number in range(100, 600)]
        times = [one.timestamp_seconds for one in history]
        assert times == sorted(times)

    def test_holds_dislikes_but_no_impressions(self, client, model):
        kinds = ("view", "impression", "dislike", "add_to_cart", "click")
        store(client, *(event(f"item-{place}", 9 - place, event_type=kind) for place, kind in enumerate(kinds)))
        model.asked.clear()
        client.get("/v1/users/u1/recommendations")
        assert [one.event_type for one in model.asked[0].history] == ["view", "dislike", "add_to_cart", "click"]


class TestEvents:
    def test_come_newest_first_page_by_page(self, client):
        store(client, *(event(f"item-{number}", number) for number in range(1, 8)))
        seen, cursor = [], ""
        while cursor is not None:
            page = client.get(f"/v1/users/u1/events?limit=3{cursor and '&cursor=' + cursor}").json()
            assert set(page) == {"events", "next_cursor"}
            assert 1 <= len(page["events"]) <= 3
            seen += [one["item_id"] for one in page["events"]]
            cursor = page["next_cursor"]
        assert seen == [f"item-{number}" for number in range(1, 8)]

    def test_are_a_hundred_unless_asked(self, client):
        store(client, *(event(minutes=number) for number in range(101)))
        page = client.get("/v1/users/u1/events").json()
        assert len(page["events"]) == 100
        assert page["next_cursor"]

    def test_of_somebody_unknown_are_not_found(self, client):
        assert "nothing is stored" in check_problem(client.get("/v1/users/nobody/events"), 404)["detail"]

    def test_a_page_that_was_emptied_meanwhile_is_an_empty_page(self, client):
        store(client, *(event(minutes=number) for number in range(3)))
        cursor = client.get("/v1/users/u1/events?limit=2").json()["next_cursor"]
        client.delete("/v1/users/u1")
        assert client.get(f"/v1/users/u1/events?cursor={cursor}").json() == {"events": [], "next_cursor": None}

    @pytest.mark.parametrize("cursor", ["x", "WyJpdGVtcyIsImEiXQ", "%00", "😀", "a" * 1000])
    def test_a_cursor_that_nobody_gave_is_refused(self, client, cursor):
        store(client, event())
        told = check_problem(client.get("/v1/users/u1/events", params={"cursor": cursor}), 422)
        assert [one["pointer"] for one in told["errors"]] == ["query:cursor"]


class TestMerge:
    def test_tells_what_moved_once(self, client):
        store(client, guest("a", 2), guest("b", 1), guest("c", session_id="s2"))
        answers = [client.post("/v1/users/u1:merge", json={"session_id": "s1"}) for _ in range(2)]
        assert [(answer.status_code, answer.json()) for answer in answers] == [(200, {"moved": 2}), (200, {"moved": 0})]
        assert stored_items(client) == ["b", "a"]

    def test_events_that_come_later_follow(self, client, model):
        client.post("/v1/users/u1:merge", json={"session_id": "s1"})
        store(client, guest("item-3"))
        assert stored_items(client) == ["item-3"]
        model.asked.clear()
        client.get("/v1/users/u1/recommendations")
        assert [one.item_id for one in model.asked[0].history] == ["item-3"]

    @pytest.mark.parametrize("body", [{}, {"session_id": ""}, {"session_id": None}, {"session_id": "s", "x": 1}, []])
    def test_needs_a_session(self, client, body):
        check_problem(client.post("/v1/users/u1:merge", json=body), 422)


class TestErase:
    def test_leaves_nothing_and_can_be_repeated(self, client):
        store(client, event("a"), guest("b"), event("c", user_id="u2"))
        client.post("/v1/users/u1:merge", json={"session_id": "s1"})
        answers = [client.delete("/v1/users/u1") for _ in range(2)]
        assert [(answer.status_code, answer.content) for answer in answers] == [(204, b""), (204, b"")]
        assert stored(client) == []
        assert stored_items(client, "u2") == ["c"]
        assert client.get("/v1/users/u1/recommendations").json()["fallback"] == "popularity"

    def test_leaves_no_byte_in_the_database(self, client, tmp_path):
        """Events, lists, a merge, and what was answered to keys that name the shopper."""
        user_id, session_id, later_session_id = names = ("erased-account", "erased-guest", "erased-later")
        own = event("item-1", user_id=user_id, session_id=later_session_id)
        post(client, guest("item-0", session_id=session_id), own, **{"Idempotency-Key": f"of {user_id}"})
        client.post(user_path(user_id, ":merge"), json={"session_id": session_id})
        for user in ({"user_id": user_id}, {"session_id": session_id}, {"session_id": later_session_id}):
            client.post("/v1/recommendations", json={"user": user, "history": [{"item_id": f"of-{user_id}"}]})
        client.get(user_path(user_id, "/recommendations"))
        assert places_in_files(tmp_path, *names)
        assert client.delete(user_path(user_id)).status_code == 204
        assert places_in_files(tmp_path, *names) == []
        time.sleep(2 * EVERY_SECONDS)  # nor does a list come afterwards
        assert places_in_files(tmp_path, *names) == []

    def test_somebody_unknown_is_erased_too(self, client):
        assert client.delete("/v1/users/nobody").status_code == 204


class TestEraseSession:
    def test_leaves_no_byte_of_a_guest(self, client, tmp_path):
        names = ("erased-guest", "other-guest")
        store(client, *(guest("item-0", session_id=name) for name in names))
        erased, other = ({"user": {"session_id": name}} for name in names)
        assert client.post("/v1/recommendations", json=erased).json()["fallback"] == "none"
        answers = [client.delete("/v1/sessions/erased-guest") for _ in range(2)]
        assert [(answer.status_code, answer.content) for answer in answers] == [(204, b""), (204, b"")]
        time.sleep(2 * EVERY_SECONDS)  # nor does a list come afterwards
        assert {name for _, name in places_in_files(tmp_path, *names)} == {"other-guest"}
        told = [client.post("/v1/recommendations", json=body).json()["fallback"] for body in (erased, other)]
        assert told == ["popularity", "none"]

    def test_leaves_what_an_account_has(self, client):
        store(client, guest("a", session_id="s1"), event("b", session_id="s2"), guest("c", session_id="s2"))
        client.post("/v1/users/u1:merge", json={"session_id": "s1"})
        for session_id in ("s1", "s2", "u1"):
            assert client.delete(f"/v1/sessions/{session_id}").status_code == 204
        assert sorted(stored_items(client)) == ["a", "b"]
        store(client, guest("d", session_id="s1"))
        assert sorted(stored_items(client)) == ["a", "b", "d"]

    @pytest.mark.parametrize("session_id", STRANGE_IDS)
    def test_any_id_works(self, client, session_id):
        store(client, guest("item-3", session_id=session_id))
        assert client.delete(f"/v1/sessions/{quote(session_id, safe='')}").status_code == 204
        told = client.post("/v1/recommendations", json={"user": {"session_id": session_id}}).json()
        assert told["fallback"] == "popularity"


class TestIdsInPaths:
    @pytest.mark.parametrize("user_id", STRANGE_IDS)
    def test_any_id_works_everywhere(self, client, model, user_id):
        store(client, event("item-2", user_id=user_id), guest("item-3", session_id=user_id))
        assert client.post(user_path(user_id, ":merge"), json={"session_id": user_id}).json() == {"moved": 1}
        assert len(stored(client, user_id)) == 2
        model.asked.clear()
        client.get(user_path(user_id, "/recommendations"))
        assert len(model.asked[0].history) == 2
        assert client.delete(user_path(user_id)).status_code == 204
        assert stored(client, user_id) == []

    def test_a_plain_slash_is_no_part_of_one(self, client):
        check_problem(client.get("/v1/users/a/b/events"), 404)

    def test_no_id_is_logged(self, client, capfd):
        store(client, event(user_id="secret/id"))
        client.get(user_path("secret/id", "/events"))
        client.delete(user_path("secret/id"))
        out, errors = capfd.readouterr()
        assert "/v1/users/{user_id}" in out + errors
        assert "secret" not in out + errors


class TestStrangers:
    """Whoever looked up the key of a web page."""

    @pytest.fixture
    def stranger(self, client, make_key):
        store(client, event("item-5"), guest("item-6"))
        key, _ = make_key("recommend", "events", kind="publishable", origins=[PAGE])
        client.headers.update(bearer(key) | {"Origin": PAGE})
        return client

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/v1/users/u1/recommendations"), ("GET", "/v1/users/u1/events"), ("GET", "/v1/users/nobody/events"),
            ("POST", "/v1/users/u1:merge"), ("DELETE", "/v1/users/u1"), ("GET", "/v1/users/%00/events"),
            ("DELETE", "/v1/sessions/s1"),
        ],
    )  # fmt: skip
    def test_are_refused_before_anything_is_looked_at(self, stranger, method, path):
        check_problem(stranger.request(method, path, json={"session_id": "s1"} if method == "POST" else None), 403)

    @pytest.mark.parametrize("user", [{"user_id": "u1"}, {"session_id": "s1"}, {"user_id": "u1", "session_id": "s1"}])
    def test_get_popular_items_for_a_shopper_s_id(self, stranger, model, user):
        model.asked.clear()
        answer = stranger.post("/v1/recommendations", json={"user": user})
        assert (answer.status_code, answer.json()["fallback"]) == (200, "popularity")
        assert list(model.asked[0].history) == []

    def test_get_lists_for_a_history_that_they_post(self, stranger):
        body = {"user": {"user_id": "u1"}, "history": [{"item_id": "item-0"}]}
        assert stranger.post("/v1/recommendations", json=body).json()["fallback"] == "none"

    def test_may_send_events(self, stranger):
        assert post(stranger, event()).json()["accepted"] == 1


class TestScopes:
    def test_one_to_recommend_reads_no_events_and_one_for_events_asks_for_no_lists(self, client, make_key):
        store(client, event("item-5"))
        recommends, _ = make_key("recommend")
        reports, _ = make_key("events")
        assert client.get("/v1/users/u1/recommendations", headers=bearer(recommends)).json()["fallback"] == "none"
        check_problem(client.get("/v1/users/u1/events", headers=bearer(recommends)), 403)
        check_problem(client.get("/v1/users/u1/recommendations", headers=bearer(reports)), 403)
        assert client.delete("/v1/users/u1", headers=bearer(reports)).status_code == 204

    def test_a_list_is_kept_with_the_key_that_asked(self, client, make_key, tmp_path):
        key, kept = make_key("recommend")
        client.post("/v1/recommendations", json={"history": []}, headers=bearer(key))
        with closing(sqlite3.connect(tmp_path / "figment.db")) as database:
            give_up = time.monotonic() + 60
            while (rows := database.execute("SELECT key_id FROM served_lists").fetchall()) != [(kept.key_id,)]:
                assert time.monotonic() < give_up, rows
                time.sleep(0.02)
