import sqlite3
import time
from contextlib import closing

import pytest

from app.runtime.recommendation_id import new_recommendation_id
from app.runtime.served_lists import ServedLists
from app.store.lists import ListStore
from app.store.paging import write_cursor
from models.domain.errors import StoreUnavailable
from tests.app.api.lists import HISTORY, ask, item_ids, listed
from tests.app.api.test_errors import check_problem
from tests.app.scripted_model import ITEM_IDS

BODY = {"history": HISTORY, "seed": 5, "exploration": 1.0}
"""Of 30 items 28 are listed, from item-5 on."""


def pages_of(client, size, **fields):
    """All pages, as one goes through them."""
    cursor, pages = None, []
    while True:
        pages.append(listed(client, {**BODY, **fields, "page": {"size": size, "cursor": cursor}}))
        cursor = pages[-1]["next_cursor"]
        if cursor is None:
            return pages


class TestPages:
    @pytest.mark.parametrize("size", [1, 10, 14, 28, 100])
    def test_put_together_are_the_one_list(self, client, size):
        pages = pages_of(client, size)
        assert [item for page in pages for item in page["items"]] == listed(client, {**BODY, "k": 100})["items"]
        assert [len(page["items"]) for page in pages[:-1]] == [size] * (len(pages) - 1)

    def test_ask_the_model_for_a_list_once(self, client, model):
        pages_of(client, 10)
        assert [asked.k for asked in model.asked] == [500]

    def test_are_of_one_list(self, client):
        pages = pages_of(client, 10)
        assert len({page["recommendation_id"] for page in pages}) == 1
        for name in ("seed", "model_version", "index_version"):
            assert len({page["meta"][name] for page in pages}) == 1
        assert {page["retrieval"]["strategy"] for page in pages} == {"ann"}

    def test_a_drawn_seed_stays_for_all_pages(self, client):
        assert len({page["meta"]["seed"] for page in pages_of(client, 10, seed=None)}) == 1

    def test_may_differ_in_size(self, client):
        first = listed(client, {**BODY, "page": {"size": 3}})
        second = listed(client, {**BODY, "page": {"size": 7, "cursor": first["next_cursor"]}})
        assert [item["rank"] for item in first["items"] + second["items"]] == list(range(1, 11))

    def test_hold_still_while_the_model_says_something_else(self, client, model):
        before = pages_of(client, 10)
        first = listed(client, {**BODY, "page": {"size": 10}})
        model.recommend = lambda requests: []
        second = listed(client, {**BODY, "page": {"size": 10, "cursor": first["next_cursor"]}})
        assert second["items"] == before[1]["items"]

    def test_pass_over_what_may_not_be_listed_any_more(self, client, model):
        first, second, _ = pages_of(client, 10)
        gone = [second["items"][0], second["items"][4]]
        model.gone = {item["item_id"] for item in gone}
        told = listed(client, {**BODY, "page": {"size": 10, "cursor": first["next_cursor"]}})
        assert not model.gone & set(item_ids(told))
        assert [item for item in told["items"] if item["rank"] <= 20] == [
            item for item in second["items"] if item not in gone
        ]
        assert len(told["items"]) == 10
        assert told["warnings"] == ["2 items of the list may not be listed any more: passed over"]

    def test_tell_reasons_and_properties_of_their_own_items(self, client, model):
        wishes = {"explain": "reasons", "return_properties": ["price"]}
        first, second, *_ = pages_of(client, 10, **wishes)
        assert all(item["reasons"] and item["properties"] for item in first["items"] + second["items"])
        assert [asked for _, asked, _ in model.explained][:2] == [item_ids(first), item_ids(second)]

    def test_that_is_short_is_under_filled(self, client):
        assert listed(client, {**BODY, "page": {"size": 100}})["retrieval"]["under_filled"]
        assert not listed(client, {**BODY, "page": {"size": 28}})["retrieval"]["under_filled"]

    def test_of_a_search_go_on_too(self, client):
        body = {"query": "title", "page": {"size": 20}}
        first = client.post("/v1/search", json=body).json()
        body["page"]["cursor"] = first["next_cursor"]
        assert item_ids(first) + item_ids(client.post("/v1/search", json=body)) == ITEM_IDS[::-1]

    def test_stay_within_their_variant(self, client):
        pages = pages_of(client, 10, seed=None, experiment={"experiment_id": "e1"})
        assert len({page["meta"]["variant_id"] for page in pages}) == 1

    def test_are_counted_once(self, client):
        pages_of(client, 10, seed=5)
        (arm,) = client.get("/v1/model").json()["outcomes"]["arms"]
        assert (arm["lists"], arm["items_listed"]) == (1, 10)


class TestCursor:
    @pytest.fixture
    def cursor(self, client):
        return listed(client, {**BODY, "page": {"size": 10}})["next_cursor"]

    def refused(self, client, cursor, **fields):
        told = check_problem(ask(client, {**BODY, "page": {"size": 10, "cursor": cursor}, **fields}), 422)
        assert told["errors"][0]["pointer"] == "/page/cursor"
        return told["detail"]

    @pytest.mark.parametrize(
        "change", [{"history": HISTORY[:1]}, {"seed": 6}, {"diversity": 0.5}, {"user": {"user_id": "u1"}}]
    )
    def test_needs_the_same_body(self, client, cursor, change):
        assert "another body" in self.refused(client, cursor, **change)

    @pytest.mark.parametrize("cursor", ["x", "💥", "AAAA", "01M8GDTH2D4F4PKD6KNNAZVWQT", "x" * 1000])
    def test_that_is_none_is_refused(self, client, cursor):
        self.refused(client, cursor)

    @pytest.mark.parametrize("start", [-1, 0, 500, 2**62])
    def test_that_was_made_up_is_refused(self, client, start):
        list_id = listed(client, {**BODY, "page": {"size": 10}})["recommendation_id"]
        self.refused(client, write_cursor("this list", list_id, start))

    def test_beyond_the_end_has_nothing(self, client):
        list_id = listed(client, {**BODY, "page": {"size": 10}})["recommendation_id"]
        told = listed(client, {**BODY, "page": {"size": 10, "cursor": write_cursor("this list", list_id, 400)}})
        assert (told["items"], told["next_cursor"]) == ([], None)

    def test_of_a_list_without_pages_is_refused(self, client):
        list_id = listed(client, {**BODY, "k": 5})["recommendation_id"]
        assert "of no list" in self.refused(client, write_cursor("this list", list_id, 5))

    def test_of_a_shopper_who_wants_nothing_personal_goes_on_without_the_shopper(self, client):
        user = {"user": {"user_id": "u1", "personalise": False}, "history": HISTORY}
        first = listed(client, {**user, "seed": 1, "page": {"size": 10}})
        later = {"user": {"personalise": False}, "seed": 1, "page": {"size": 10, "cursor": first["next_cursor"]}}
        assert [item["rank"] for item in listed(client, later)["items"]] == list(range(11, 21))


class TestTooManyLists:
    def test_one_that_is_not_kept_has_no_further_pages_and_says_so(self, client, monkeypatch):
        """Not a cursor that the next request is refused with."""
        body = {**BODY, "page": {"size": 10}}
        with monkeypatch.context() as patched:
            patched.setattr(ServedLists, "record", lambda *_: False)
            told = listed(client, body)
            batch = client.post("/v1/recommendations:batch", json={"requests": [body, {**BODY, "k": 3}]}).json()
        assert (len(told["items"]), told["next_cursor"]) == (10, None)
        assert told["warnings"] == ["there are no further pages: too many lists wait to be written"]
        assert [bool(one["warnings"]) for one in batch["results"]] == [True, False]
        assert listed(client, body)["next_cursor"]


class TestDatabaseAway:
    def test_a_list_that_nobody_was_answered_does_not_count(self, client, monkeypatch):
        listed(client, BODY)
        with monkeypatch.context() as patched:

            async def refuse(*_, **__):
                raise StoreUnavailable("the database", "gone")

            patched.setattr(ListStore, "add", refuse)
            check_problem(ask(client, {**BODY, "page": {"size": 10}}), 503)
        assert lists_counted(client) == 1

    def test_nor_one_that_came_too_late(self, client, tmp_path):
        listed(client, BODY)
        with closing(sqlite3.connect(tmp_path / "figment.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            check_problem(ask(client, {**BODY, "page": {"size": 10}}, **{"X-Request-Timeout-Ms": "700"}), 504)
            other.execute("ROLLBACK")
        assert lists_counted(client) == 1


def lists_counted(client):
    """After a list of pages that is answered, which is written with all that was recorded before; without it."""
    listed(client, {**BODY, "page": {"size": 10}})
    (arm,) = client.get("/v1/model").json()["outcomes"]["arms"]
    return arm["lists"] - 1


class TestDeadline:
    """Of a caller who gave one; the database may take half a minute to answer."""

    def test_ends_the_wait_for_a_list_to_be_written(self, client, tmp_path):
        listed(client, BODY)
        with closing(sqlite3.connect(tmp_path / "figment.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            started = time.monotonic()
            answer = ask(client, {**BODY, "page": {"size": 10}}, **{"X-Request-Timeout-Ms": "700"})
            took_seconds = time.monotonic() - started
            other.execute("ROLLBACK")
        assert "700 ms" in check_problem(answer, 504)["detail"]
        assert took_seconds < 10

    def test_ends_the_wait_for_a_list_of_another_process(self, client):
        asked = {"page": {"size": 10, "cursor": write_cursor("this list", new_recommendation_id(), 10)}}
        check_problem(ask(client, {**BODY, **asked}, **{"X-Request-Timeout-Ms": "200"}), 504)
        path = f"/v1/recommendations/{new_recommendation_id()}/explanation"
        check_problem(client.get(path, headers={"X-Request-Timeout-Ms": "200"}), 504)
