"""Whatever a body is, each route that takes one answers it rightly, or with a documented 4xx, and writes nothing."""

import sqlite3
from urllib.parse import quote

import orjson
import pytest

from app.api import MAX_ITEMS_BODY_BYTES
from app.main import contract_without_bundle
from tests.app.api.lists import HISTORY
from tests.app.api.shoppers import event, minutes_ago, stored_items, user_path
from tests.app.api.test_errors import check_problem

ROUTES = {
    path.replace("{user_id}", "u1"): operations["post"]
    for path, operations in contract_without_bundle()["paths"].items()
    if "post" in operations and "requestBody" in operations["post"]
}
BROKEN = {
    "empty": b"",
    "spaces": b" \n\t ",
    "not JSON": b"{'history': []}",
    "cut off": b'{"history": [{"item_id": "i',
    "two values": b"{} {}",
    "not UTF-8": b'{"history": [], "query": "\xff\xfe"}',
    "UTF-16": '{"history": []}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "half a surrogate pair": b'{"query": "\\ud800", "session_id": "\\ud800", "requests": [], "events": []}',
    "null byte": b'{"history": []}\x00',
    "null bytes only": b"\x00" * 1000,
    "NaN": b'{"exploration": NaN}',
    "Infinity": b'{"exploration": -Infinity}',
    "a key twice": b'{"history": [], "history": []}',
    "a key twice inside": b'{"requests": [{"k": 1, "k": 2}], "events": [{"item_id": "a", "item_id": "b"}]}',
    "deep arrays": b"[" * 100_000,
    "deep objects": b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    "33 levels": b'{"filter": ' + b"[" * 32 + b"]" * 32 + b"}",
}
NO_OBJECT = [b"null", b"[]", b"5", b'"text"', b"true"]
HUGE_MEGABYTES = MAX_ITEMS_BODY_BYTES // 2**20 + 1
"""More than the largest limit of all."""
STRANGE_IDS = ["a/b", "/", "a..b", "%2F", '"', "'; DROP TABLE events; --", "🍵", "ü" * 128, "a b", "{}", "<b>", "שלום"]
UNREADABLE_IDS = ["a\0b", "\0", "a\nb", "\u200b", "\u2028", "\u202eevil", " "]
"""Null bytes, and characters that show nothing or turn the writing direction, among them."""


def rows(file):
    """Of every table that what is sent could have reached."""
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as connection:
        return {
            name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
            for name in ("events", "items", "served_lists", "idempotency_keys", "exposures")
        }


@pytest.fixture
def send(client, tmp_path):
    """Sends bytes to a route, which refuses them as documented and stores nothing."""

    def refused(path, content, **headers):
        before = rows(tmp_path / "figment.db")
        answer = client.post(path, content=content, headers={"content-type": "application/json", **headers})
        told = check_problem(answer, answer.status_code)
        assert 400 <= answer.status_code < 500
        assert str(answer.status_code) in ROUTES[path]["responses"]
        assert len(answer.content) < 10_000
        assert rows(tmp_path / "figment.db") == before
        return told

    return refused


@pytest.mark.parametrize("path", ROUTES)
class TestEveryRoute:
    def test_refuses_what_is_broken(self, send, path):
        for name, content in BROKEN.items():
            assert send(path, content)["status"] == 400, name

    def test_refuses_what_is_no_object(self, send, path):
        for content in NO_OBJECT:
            assert send(path, content)["status"] == 422, content

    def test_refuses_fields_that_nobody_knows(self, send, path):
        assert send(path, b'{"__proto__": {}, "constructor": 1}')["status"] == 422

    def test_refuses_what_is_huge(self, send, path):
        assert send(path, b" " * HUGE_MEGABYTES * 2**20)["status"] == 413

    def test_refuses_what_is_huge_and_nobody_announced(self, send, path):
        assert send(path, (b" " * 2**20 for _ in range(HUGE_MEGABYTES)))["status"] == 413

    @pytest.mark.parametrize("kind", ["text/plain", "application/xml", "multipart/form-data; boundary=x", ""])
    def test_refuses_other_media_types(self, send, path, kind):
        assert send(path, b"{}", **{"content-type": kind})["status"] == 415

    def test_refuses_what_is_packed(self, send, path):
        assert send(path, b"{}", **{"content-encoding": "gzip"})["status"] == 415


class TestLists:
    @pytest.mark.parametrize("path", ["/v1/recommendations", "/v1/search"])
    def test_refuse_ten_thousand_events(self, send, path):
        told = send(path, orjson.dumps({"query": "x", "history": [{"item_id": "i"}] * 10_000}))
        assert (told["status"], "has 10000 entries, the limit is 500" in told["detail"]) in ((422, True), (413, False))

    @pytest.mark.parametrize("field", ["user_id", "session_id"])
    @pytest.mark.parametrize("name", UNREADABLE_IDS)
    def test_refuse_ids_that_nobody_can_read(self, send, field, name):
        assert send("/v1/recommendations", orjson.dumps({"user": {field: name}}))["status"] == 422

    @pytest.mark.parametrize("item_id", STRANGE_IDS)
    def test_take_any_printable_id(self, client, item_id):
        body = {"history": [*HISTORY, {"item_id": item_id}], "exclude": {"item_ids": [item_id]}}
        for path, more in (("/v1/recommendations", {}), ("/v1/search", {"query": item_id})):
            answer = client.post(path, json={**body, **more})
            assert answer.status_code == 200
            assert len(answer.json()["items"]) == 10


class TestEvents:
    @pytest.mark.parametrize("name", STRANGE_IDS)
    def test_of_any_printable_id_are_stored_and_found_again(self, client, name):
        sent = {"event_id": name, "user_id": name, "item_id": name, "event_type": "view", "timestamp": minutes_ago(1)}
        assert client.post("/v1/events", json={"events": [sent]}).json()["accepted"] == 1
        assert stored_items(client, name) == [name]
        assert client.get(f"/v1/users/{quote(name, safe='')}/recommendations").status_code == 200
        assert client.delete(user_path(name)).status_code == 204
        assert stored_items(client, name) == []

    def test_ten_thousand_are_refused_whole(self, send):
        told = send("/v1/events", orjson.dumps({"events": [event()] * 10_000}))
        assert "has 10000 entries, the limit is 1000" in told["detail"]
