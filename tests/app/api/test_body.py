import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from app.api import MAX_BODY_BYTES, MAX_INTEGER_DIGITS, MAX_JSON_DEPTH
from app.api.body import check_depth, parse_body
from app.api.problem import RequestError

JSON = {"Content-Type": "application/json"}
PATH = "/v1/recommendations"


class Anything(BaseModel):
    model_config = ConfigDict(extra="allow")


def depth_of(value):
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    return 0


class TestMediaType:
    @pytest.mark.parametrize(
        "media_type", ["application/json", "application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"']
    )
    def test_json_is_read(self, client, media_type):
        assert client.post(PATH, content=b'{"history": []}', headers={"Content-Type": media_type}).status_code == 200

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Content-Type": "text/plain"},
            {"Content-Type": "application/x-www-form-urlencoded"},
            {"Content-Type": "application/json; charset=latin-1"},
            {**JSON, "Content-Encoding": "gzip"},
        ],
    )
    def test_other_is_415(self, client, headers):
        answer = client.post(PATH, content=b'{"history": []}', headers=headers)
        assert answer.status_code == 415
        assert answer.headers["content-type"] == "application/problem+json"


class TestSize:
    def test_largest_body_is_read(self, client):
        body = b'{"history": []}'.ljust(MAX_BODY_BYTES)
        assert client.post(PATH, content=body, headers=JSON).status_code == 200

    def test_one_byte_more_is_413_with_the_limit(self, client):
        answer = client.post(PATH, content=b'{"history": []}'.ljust(MAX_BODY_BYTES + 1), headers=JSON)
        assert answer.status_code == 413
        assert f"{MAX_BODY_BYTES + 1} bytes, the limit is {MAX_BODY_BYTES}" in answer.json()["detail"]

    def test_undeclared_length_is_counted_while_it_comes(self, client):
        def endless():
            for _ in range(100):
                yield b" " * 65_536

        answer = client.post(PATH, content=endless(), headers=JSON)
        assert answer.status_code == 413


class TestUnparsable:
    @pytest.mark.parametrize(
        ("body", "words"),
        [
            (b"", "not JSON"),
            (b"{", "not JSON"),
            (b'{"history": []} trailing', "not JSON"),
            (b'{"history": [],}', "not JSON"),
            (b'\xff{"history": []}', "not UTF-8"),
            (b'\xef\xbb\xbf{"history": []}', "not JSON"),
            (b'{"history": [], "exploration": NaN}', "NaN is no JSON number"),
            (b'{"history": [], "exploration": -Infinity}', "-Infinity is no JSON number"),
            (b'{"k": 5, "history": [], "k": 100}', '"k" appears twice'),
            (b'{"history": [{"item_id": "a", "item_id": "b"}]}', '"item_id" appears twice'),
            (b'{"history": [{"item_id": "\\ud800"}]}', "not JSON"),
            (b"[" * 200_000, "nests deeper than the limit, 32"),
            (b'{"a":' * 200 + b"1" + b"}" * 200, "nests deeper than the limit, 32"),
        ],
    )
    def test_is_400_with_the_reason(self, client, body, words):
        answer = client.post(PATH, content=body, headers=JSON)
        assert answer.status_code == 400
        assert words in answer.json()["detail"]
        assert len(answer.content) < 1_000

    def test_number_beyond_every_float_is_a_field_problem(self, client):
        answer = client.post(PATH, content=b'{"history": [], "exploration": 1e999}', headers=JSON)
        assert answer.status_code == 422
        assert "must be a finite number" in answer.json()["detail"]


class TestLongIntegers:
    def test_longest_that_is_read_meets_the_field_s_own_limit(self, client):
        body = b'{"history": [], "k": -' + b"9" * MAX_INTEGER_DIGITS + b"}"
        answer = client.post(PATH, content=body, headers=JSON)
        assert answer.status_code == 422
        assert "is less than the least allowed, 1" in answer.json()["detail"]

    @pytest.mark.parametrize(
        ("before", "after", "pointer", "named"),
        [
            (b'{"history": [], "k": ', b"}", "/k", "k"),
            (b'{"history": [], "seed": -', b"}", "/seed", "seed"),
            (b'{"history": [{"item_id": "i"}, {"item_id": ', b"}]}", "/history/1/item_id", "history[1].item_id"),
            (b'{"history": [], "exclude": {"item_ids": [1, ', b"]}}", "/exclude/item_ids/1", "exclude.item_ids[1]"),
            (b'{"history": [], "unknown": ', b"}", "/unknown", "unknown"),
            (b"", b"", "", "the body"),
        ],
    )
    def test_longer_is_a_field_problem_with_the_limit(self, client, before, after, pointer, named):
        answer = client.post(PATH, content=before + b"9" * (MAX_INTEGER_DIGITS + 1) + after, headers=JSON)
        assert answer.status_code == 422
        detail = f"is an integer of {MAX_INTEGER_DIGITS + 1} digits, the limit is {MAX_INTEGER_DIGITS}"
        assert answer.json()["errors"] == [{"pointer": pointer, "detail": detail}]
        assert answer.json()["detail"] == f"{named} {detail}"

    def test_many_are_counted_not_listed(self, client):
        integers = b",".join([b"9" * (MAX_INTEGER_DIGITS + 1)] * 30)
        answer = client.post(PATH, content=b'{"history": [' + integers + b"]}", headers=JSON)
        assert len(answer.json()["errors"]) == 20
        assert answer.json()["detail"].endswith("and 10 more")

    @pytest.mark.parametrize("after", [b",}", b', "k": 1}', b', "a": NaN}'])
    def test_what_follows_must_still_be_unambiguous_json(self, client, after):
        answer = client.post(PATH, content=b'{"k": ' + b"9" * 5_000 + after, headers=JSON)
        assert answer.status_code == 400


class TestCheckDepth:
    @given(
        st.recursive(
            st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
        ),
        st.integers(0, 40),
    )
    def test_agrees_with_counting_levels(self, value, wraps):
        for _ in range(wraps):
            value = [value]
        body = json.dumps(value).encode()
        if depth_of(value) > MAX_JSON_DEPTH:
            with pytest.raises(RequestError, match="32 levels"):
                check_depth(body)
        else:
            check_depth(body)

    def test_brackets_in_strings_do_not_count(self):
        check_depth(json.dumps({"a": "[" * 100, '\\"': '{"' * 100}).encode())

    @pytest.mark.parametrize(
        "body", [b'"\\' * 100_000 + b"[" * 40, b'"' * 200_001 + b"[" * 40, b'"' + b"\\[" * 100_000]
    )
    def test_no_body_takes_long(self, body):
        check_depth(body)  # seconds if the pattern backtracked


class TestParseBody:
    @given(st.dictionaries(st.text(), st.text() | st.integers(-(2**63), 2**63) | st.booleans() | st.none()))
    def test_reads_what_json_wrote(self, value):
        assert parse_body(Anything, json.dumps(value).encode()).model_dump() == value
