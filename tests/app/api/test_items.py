import json
from urllib.parse import quote

import pytest

from app.api import MAX_BODY_BYTES, MAX_ITEMS_BODY_BYTES
from app.api.item_document import MAX_FIELDS, MAX_TEXT_CHARACTERS
from app.api.item_import import MAX_ITEMS
from app.runtime.field_check import MAX_ATTRIBUTES
from tests.app.api.test_errors import check_problem

TEA = {"title": "green tea", "category": "tea > green", "price": 4.5, "in_stock": True, "organic": True}


def item_path(item_id):
    return f"/v1/items/{quote(item_id, safe='')}"


def lines(*rows):
    return "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows)


def post_lines(client, body, mode=None):
    query = {} if mode is None else {"mode": mode}
    return client.post("/v1/items:batch", content=body, params=query, headers={"Content-Type": "application/x-ndjson"})


def refused(client, **fields):
    """What is told of one item's fields."""
    answer = client.put("/v1/items/tea", json=fields)
    check_problem(answer, 422)
    assert client.get("/v1/items/tea").status_code == 404
    (error,) = answer.json()["errors"]
    return error["pointer"], error["detail"]


class TestPut:
    def test_an_item_comes_back_as_it_was_sent(self, client):
        put = client.put("/v1/items/tea", json=TEA)
        assert (put.status_code, put.json()) == (200, {"item_id": "tea", **TEA})
        assert client.get("/v1/items/tea").json() == put.json()

    def test_what_a_get_answered_can_be_sent_back(self, client):
        client.put("/v1/items/tea", json=TEA)
        again = client.put("/v1/items/tea", json=client.get("/v1/items/tea").json())
        assert again.json() == {"item_id": "tea", **TEA}

    def test_replaces_all_fields(self, client):
        client.put("/v1/items/tea", json=TEA)
        assert client.put("/v1/items/tea", json={"title": "tea", "price": None}).json() == {
            "item_id": "tea",
            "title": "tea",
        }

    @pytest.mark.parametrize("item_id", ["a/b", "ä 'quoted\" \N{TEACUP WITHOUT HANDLE}", "a:batch", "%2F"])
    def test_any_printable_id_works_in_the_path(self, client, item_id):
        assert client.put(item_path(item_id), json=TEA).json()["item_id"] == item_id
        assert client.get(item_path(item_id)).json()["item_id"] == item_id
        assert client.delete(item_path(item_id)).status_code == 204

    @pytest.mark.parametrize(
        ("fields", "pointer", "detail"),
        [
            ({"price": "4.50"}, "/price", "holds finite numbers"),
            ({"price": -1}, "/price", "is -1, the least is 0"),
            ({"in_stock": 1}, "/in_stock", "holds true or false"),
            ({"title": "x" * (MAX_TEXT_CHARACTERS + 1)}, "/title", f"the limit is {MAX_TEXT_CHARACTERS}"),
            ({"title": "a\0b"}, "/title", "U+0000"),
            ({"colours": ["red", "\0"]}, "/colours", "U+0000"),
            ({"colours": {"red": 1}}, "/colours", "is neither text, number"),
            ({"x" * 129: 1}, None, "is no name for an attribute"),
            ({"item_id": "coffee"}, "/item_id", "is not the id of the path"),
            ({f"a{number}": 1 for number in range(MAX_FIELDS + 1)}, "", f"the limit is {MAX_FIELDS}"),
        ],
    )
    def test_what_a_field_cannot_hold_is_refused(self, client, fields, pointer, detail):
        told = refused(client, **fields)
        assert detail in told[1]
        assert pointer is None or told[0] == pointer

    @pytest.mark.parametrize("body", [b"[]", b'"tea"', b"7"])
    def test_only_objects_are_items(self, client, body):
        check_problem(client.put("/v1/items/tea", content=body, headers={"Content-Type": "application/json"}), 422)

    @pytest.mark.parametrize("body", [b"", b"{", b'{"price": NaN}', b'{"a": 1, "a": 2}', b'{"a": "\xff"}'])
    def test_what_is_no_json_is_refused(self, client, body):
        check_problem(client.put("/v1/items/tea", content=body, headers={"Content-Type": "application/json"}), 400)

    def test_a_body_over_the_limit_is_refused(self, client):
        check_problem(client.put("/v1/items/tea", json={"title": "x" * MAX_BODY_BYTES}), 413)


class TestPatch:
    def test_changes_what_is_given_and_takes_away_what_is_null(self, client):
        client.put("/v1/items/tea", json=TEA)
        patched = client.patch("/v1/items/tea", json={"price": 3.0, "organic": None})
        left = {name: value for name, value in TEA.items() if name != "organic"}
        assert patched.json() == {"item_id": "tea", **left, "price": 3.0}

    def test_of_an_unknown_item_is_404(self, client):
        check_problem(client.patch("/v1/items/tea", json={"price": 1}), 404)


class TestDelete:
    def test_a_deleted_item_is_unknown(self, client):
        client.put("/v1/items/tea", json=TEA)
        assert client.delete("/v1/items/tea").status_code == 204
        check_problem(client.get("/v1/items/tea"), 404)
        check_problem(client.delete("/v1/items/tea"), 404)


class TestList:
    def test_pages_give_every_item_once(self, client):
        ids = [f"item {number:02}" for number in range(7)]
        for item_id in ids:
            client.put(item_path(item_id), json={"title": item_id})
        found, cursor = [], None
        while True:
            page = client.get("/v1/items", params={"limit": 3} | ({"cursor": cursor} if cursor else {})).json()
            found += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert found == [{"item_id": item_id, "title": item_id} for item_id in ids]

    def test_a_cursor_of_nowhere_is_refused(self, client):
        told = check_problem(client.get("/v1/items", params={"cursor": "nowhere"}), 422)
        assert [one["pointer"] for one in told["errors"]] == ["query:cursor"]


class TestImport:
    def test_has_exactly_the_agreed_shape(self, client):
        answer = client.post("/v1/items:batch", json={"items": [{"item_id": "a", **TEA}, {"title": "nameless"}]})
        assert (answer.status_code, answer.json()) == (
            200,
            {
                "accepted": 1,
                "errors": [{"index": 1, "detail": "item_id is required"}],
                "job_id": None,
                "status_url": None,
            },
        )

    def test_a_bad_row_keeps_no_other_back(self, client):
        rows = [{"item_id": "a"}, 7, {"item_id": "b", "price": "dear"}, {"item_id": 5}, {"item_id": "c", "x": "\0"}, {}]
        rows += [{"item_id": ""}, {"item_id": "x" * 129}, {"item_id": "\n"}, {"item_id": "z", "price": 1}]
        told = client.post("/v1/items:batch", json={"items": rows}).json()
        assert told["accepted"] == 2
        assert [error["index"] for error in told["errors"]] == [1, 2, 3, 4, 5, 6, 7, 8]
        assert [item["item_id"] for item in client.get("/v1/items").json()["items"]] == ["a", "z"]

    def test_lines_are_read_like_a_document(self, client):
        body = lines({"item_id": "a", **TEA}, "", "{", '{"item_id": "b", "price": NaN}', {"item_id": "c"}, "  ", "[]")
        told = post_lines(client, body).json()
        assert told["accepted"] == 2
        assert [error["index"] for error in told["errors"]] == [1, 2, 4]
        assert [error["detail"].split(" is ")[0] for error in told["errors"][:2]] == ["line 3", "line 4"]
        assert told["errors"][2]["detail"].startswith("line 7 must be an object")
        assert client.get("/v1/items/a").json() == {"item_id": "a", **TEA}

    def test_merging_changes_only_what_is_given(self, client):
        client.put("/v1/items/a", json=TEA)
        told = post_lines(client, lines({"item_id": "a", "price": 9}, {"item_id": "new", "price": 1}), "merge").json()
        assert (told["accepted"], told["errors"]) == (1, [{"index": 1, "detail": "there is no such item"}])
        assert client.get("/v1/items/a").json() == {"item_id": "a", **TEA, "price": 9}
        assert client.get("/v1/items/new").status_code == 404

    def test_the_last_of_several_rows_counts(self, client):
        rows = [{"item_id": "a", "price": 1}, {"item_id": "a", "title": "x"}, {"item_id": "a", "price": 3}]
        assert client.post("/v1/items:batch", json={"items": rows}).json()["accepted"] == 3
        assert client.get("/v1/items/a").json() == {"item_id": "a", "price": 3}

    def test_the_first_row_says_what_a_new_field_holds(self, client):
        rows = [{"item_id": "a", "size": 4}, {"item_id": "b", "size": "XL"}, {"item_id": "c", "size": 5.5}]
        told = client.post("/v1/items:batch", json={"items": rows}).json()
        assert [error["index"] for error in told["errors"]] == [1]
        assert "size holds finite numbers" in told["errors"][0]["detail"]

    def test_attributes_of_all_items_together_are_limited(self, client):
        rows = [{"item_id": str(row), **{f"{row}-{name}": 1 for name in range(100)}} for row in range(6)]
        told = client.post("/v1/items:batch", json={"items": [*rows, {"item_id": "a", "0-1": 2}]}).json()
        assert [error["index"] for error in told["errors"]] == [5]
        assert f"the limit, {MAX_ATTRIBUTES}" in told["errors"][0]["detail"]

    def test_nothing_is_no_problem(self, client):
        expected = {"accepted": 0, "errors": [], "job_id": None, "status_url": None}
        assert client.post("/v1/items:batch", json={"items": []}).json() == expected
        assert post_lines(client, "").json() == expected

    def test_more_rows_than_the_limit_are_refused_and_none_is_written(self, client):
        rows = [{"item_id": str(number)} for number in range(MAX_ITEMS + 1)]
        check_problem(client.post("/v1/items:batch", json={"items": rows}), 422)
        check_problem(post_lines(client, lines(*rows)), 422)
        assert client.get("/v1/items").json()["items"] == []

    def test_a_line_over_the_limit_of_one_item_is_told(self, client):
        told = post_lines(client, lines({"item_id": "a", "title": "x" * MAX_BODY_BYTES}, {"item_id": "b"})).json()
        assert (told["accepted"], [error["index"] for error in told["errors"]]) == (1, [0])

    def test_a_body_over_the_limit_is_refused(self, client):
        headers = {"Content-Type": "application/x-ndjson", "Content-Length": str(MAX_ITEMS_BODY_BYTES + 1)}
        check_problem(client.post("/v1/items:batch", content=b"", headers=headers), 413)

    @pytest.mark.parametrize("media_type", ["text/plain", "application/jsonl"])
    def test_other_media_types_are_refused(self, client, media_type):
        answer = client.post("/v1/items:batch", content=b"{}", headers={"Content-Type": media_type})
        check_problem(answer, 415)

    def test_a_document_says_its_mode_itself(self, client):
        check_problem(client.post("/v1/items:batch?mode=merge", json={"items": []}), 422)
        check_problem(post_lines(client, "", "other"), 422)


class TestJob:
    def test_an_import_of_much_content_is_a_job(self, client):
        rows = [{"item_id": str(number), "title": f"tea {number}"} for number in range(101)]
        told = client.post("/v1/items:batch", json={"items": rows}).json()
        assert told["accepted"] == 101
        assert told["status_url"] == f"/v1/jobs/{told['job_id']}"
        assert client.get(told["status_url"]).json() == {
            "job_id": told["job_id"],
            "state": "queued",
            "progress": 0.0,
            "result_url": None,
            "error": None,
            "items": 101,
            "items_set_aside": None,
            "items_per_second": None,
        }

    def test_prices_and_stock_are_none(self, client):
        rows = [{"item_id": str(number), "title": f"tea {number}"} for number in range(101)]
        client.post("/v1/items:batch", json={"items": rows})
        prices = [{"item_id": row["item_id"], "price": 2.5, "in_stock": False} for row in rows]
        told = client.post("/v1/items:batch", json={"items": prices, "mode": "merge"}).json()
        assert (told["accepted"], told["job_id"]) == (101, None)

    def test_an_unknown_one_is_404(self, client):
        check_problem(client.get("/v1/jobs/none"), 404)


class TestModels:
    def test_the_one_that_answers_is_active(self, client):
        (model,) = client.get("/v1/models").json()["models"]
        assert (model["version"], model["is_active"], model["problem"]) == ("scripted", True, None)

    def test_activating_what_is_active_changes_nothing(self, client):
        answer = client.post("/v1/models/scripted:activate")
        assert (answer.status_code, answer.json()["model_version"]) == (200, "scripted")

    def test_an_unknown_one_is_404(self, client):
        check_problem(client.post("/v1/models/none:activate"), 404)
