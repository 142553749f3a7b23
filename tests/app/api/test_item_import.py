"""A large document is read while others are answered, and refused as a small one is."""

import asyncio
import gc
import json
import threading
import time
from contextlib import contextmanager

import pytest

from app.api import MAX_BODY_BYTES, MAX_INTEGER_DIGITS, MAX_ITEMS_BODY_BYTES
from app.api.item_import import MAX_ITEMS
from tests.app.api.test_errors import check_problem

LONGEST_SECONDS = 0.06
"""Of processor time. Read in one go, 60 MiB take 0.17 and more; in pieces, no more than a few turns of 5 ms each."""


def post(client, body):
    return client.post("/v1/items:batch", content=body, headers={"Content-Type": "application/json"})


@contextmanager
def longest_stretches(client):
    """Processor seconds between two turns of the event loop: what keeps it, or the interpreter, from all others.

    Other processes do not count, however busy the machine is. What the tests before left is not collected meanwhile.
    """
    over, stretches = threading.Event(), []

    async def watch():
        while not over.is_set():
            started = time.process_time()
            await asyncio.sleep(0.001)
            stretches.append(time.process_time() - started)

    gc.collect()
    gc.freeze()
    watching = client.portal.start_task_soon(watch)
    try:
        yield stretches
    finally:
        over.set()
        watching.result()
        gc.unfreeze()


class TestLargeDocument:
    def test_is_read_without_a_long_stretch(self, client):
        text = "a dark tea with a note of smoke and honey, " * 140
        rows = [{"item_id": f"tea-{number}", "description": text, "price": "dear"} for number in range(MAX_ITEMS)]
        body = json.dumps({"items": rows}).encode()
        assert 0.9 * MAX_ITEMS_BODY_BYTES < len(body) < MAX_ITEMS_BODY_BYTES
        with longest_stretches(client) as stretches:
            told = post(client, body).json()
        assert (told["accepted"], len(told["errors"])) == (0, MAX_ITEMS)
        assert max(stretches) < LONGEST_SECONDS


class TestDocument:
    def test_that_breaks_in_the_middle_writes_nothing_and_says_where(self, client):
        told = check_problem(post(client, b'{"items": [{"item_id": "a"}, {"item_id": "b", "x": 1, "x": 2}]}'), 400)
        assert told["detail"] == 'items[1] is not JSON: key "x" appears twice in one object'
        assert client.get("/v1/items").json()["items"] == []

    def test_with_an_integer_that_is_too_long_is_a_field_problem(self, client):
        digits = b"9" * (MAX_INTEGER_DIGITS + 1)
        told = check_problem(post(client, b'{"items": [1, {"item_id": "a", "sizes": [' + digits + b"]}]}"), 422)
        assert told["errors"][0]["pointer"] == "/items/1/sizes/0"

    def test_says_its_mode_before_or_after_the_rows(self, client):
        client.put("/v1/items/a", json={"title": "tea", "price": 1})
        for price, body in ((2, '{"mode": "merge", "items": %s}'), (3, '{"items": %s, "mode": "merge"}')):
            rows = json.dumps([{"item_id": "a", "price": price}])
            assert post(client, (body % rows).encode()).json()["accepted"] == 1
            assert client.get("/v1/items/a").json() == {"item_id": "a", "title": "tea", "price": price}

    def test_a_row_over_the_limit_of_one_item_is_told(self, client):
        rows = [{"item_id": "a", "title": "x" * MAX_BODY_BYTES}, {"item_id": "b"}]
        told = post(client, json.dumps({"items": rows}).encode()).json()
        assert (told["accepted"], [error["index"] for error in told["errors"]]) == (1, [0])

    @pytest.mark.parametrize("body", [b'{"rows": [{"item_id": "a"}]}', b'[[{"item_id": "a"}]]'])
    def test_rows_elsewhere_are_none(self, client, body):
        check_problem(post(client, body), 422)
        assert client.get("/v1/items").json()["items"] == []
