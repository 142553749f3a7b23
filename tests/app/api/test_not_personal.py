"""A shopper who wants nothing personal: nothing is read, nothing is kept."""

import sqlite3
import time

import pytest

from tests.app.api.shoppers import event, guest, store

SECRETS = ("secret-account", "secret-session", "secret-item", "secret-exclusion", "secret-wish", "secret-size")
BODY = {
    "user": {"user_id": "secret-account", "session_id": "secret-session", "personalise": False},
    "history": [{"item_id": "secret-item"}, {"item_id": "item-0"}],
    "exclude": {"item_ids": ["secret-exclusion", "item-0"]},
    "filter": {"field": "title", "op": "eq", "value": "secret-size"},
    "boosts": [{"field": "title", "op": "eq", "value": "secret-size", "weight": 2}],
    "experiment": {"experiment_id": "e1"},
}
SEARCH = BODY | {"query": "secret-wish", "page": {"size": 3}}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "figment.db"


def rows(file, table):
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as connection:
        return connection.execute(f"SELECT * FROM {table}").fetchall()


def tables(file):
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]


def wait_for_lists(file, number):
    give_up = time.monotonic() + 60
    while len(rows(file, "served_lists")) < number:
        assert time.monotonic() < give_up
        time.sleep(0.02)


class TestNothingPersonal:
    def test_reads_nothing_that_is_stored(self, client, model):
        store(client, event("item-5", user_id="secret-account"), guest("item-6", session_id="secret-session"))
        model.asked.clear()
        for body in (BODY, {"user": BODY["user"]}):
            assert client.post("/v1/recommendations", json=body).json()["fallback"] == "popularity"
        assert [list(asked.history) for asked in model.asked] == [[], []]

    def test_keeps_the_list_without_anything_of_the_shopper(self, client, file):
        for path, body in (("/v1/recommendations", BODY), ("/v1/recommendations", SEARCH), ("/v1/search", SEARCH)):
            assert client.post(path, json=body).status_code == 200
        wait_for_lists(file, 3)
        changed = {name for name in tables(file) if rows(file, name)}
        assert changed <= {"alembic_version", "catalogue", "served_lists", "exposures", "item_exposures"}
        for name in ("figment.db", "figment.db-wal"):
            content = file.with_name(name).read_bytes()
            assert [secret for secret in SECRETS if secret.encode() in content] == []

    def test_is_explained_and_paged_all_the_same(self, client):
        told = client.post("/v1/search", json=SEARCH).json()
        later = SEARCH | {"page": {"size": 3, "cursor": told["next_cursor"]}}
        assert client.post("/v1/search", json=later).json()["items"][0]["rank"] == 4
        explained = client.get(f"/v1/recommendations/{told['recommendation_id']}/explanation").json()
        assert explained["summary"].startswith("Nothing personal")
        assert [one["item_id"] for one in explained["items"][:3]] == [one["item_id"] for one in told["items"]]

    def test_another_shopper_s_list_is_kept_but_for_what_was_typed(self, client, file):
        client.post("/v1/search", json=SEARCH | {"user": {"user_id": "secret-account"}})
        wait_for_lists(file, 1)
        content = file.with_name("figment.db-wal").read_bytes()
        kept = ("secret-account", "secret-item", "secret-exclusion", "secret-size")
        assert all(secret.encode() in content for secret in kept)
        assert b"secret-wish" not in content
