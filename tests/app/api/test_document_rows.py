import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import RootModel

from app.api import MAX_BODY_BYTES, MAX_JSON_DEPTH
from app.api.body import parse_body
from app.api.document_rows import PIECE_BYTES, DocumentRows
from app.api.item_import import ItemsBody
from app.api.parts import RequestPart
from app.api.problem import RequestError
from app.store.item_writes import WriteMode

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.text('ab"\\[]{},:é🍵 ', max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('a"]', max_size=2), inner, max_size=3),
    max_leaves=6,
)
DOCUMENTS = st.fixed_dictionaries({"items": st.lists(VALUES, max_size=4)}, optional={"mode": st.just("merge")})
WRITTEN = st.builds(
    lambda value, indent, ascii: json.dumps(value, indent=indent, ensure_ascii=ascii).encode(),
    DOCUMENTS | st.dictionaries(st.sampled_from(["items", "mode", "other"]), VALUES) | VALUES,
    st.none() | st.just(1),
    st.booleans(),
)
SLOWLY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
SLIPS = [b"", b'"', b"\\", b"[", b"]", b"{", b"}", b",", b":", b" ", b"\n", b"0", b"\xff", b"NaN", b"nul"]


class Whole(RequestPart):
    """What the document is, read in one go."""

    items: list[object]
    mode: WriteMode = "replace"


class Row(RootModel[object]):
    pass


def cut(body, num_bytes):
    """Rows and what is around them, from pieces of so many bytes."""
    document = DocumentRows()
    rows = [row for start in range(0, len(body), num_bytes) for row in document.take(body[start : start + num_bytes])]
    return [*rows, *document.end()], bytes(document.rest)


def read_in_pieces(body, num_bytes):
    rows, rest = cut(body, num_bytes)
    values = [parse_body(Row, row).root for row in rows]
    return values, parse_body(ItemsBody, rest).mode


def read_whole(body):
    whole = parse_body(Whole, body)
    return whole.items, whole.mode


def outcome(read, *arguments):
    """What is read, or the status."""
    try:
        return repr(read(*arguments))
    except RequestError as refusal:
        return refusal.status


class TestReading:
    @SLOWLY
    @given(WRITTEN, st.integers(1, 9))
    @example(b'{"items": [1, "a]b\\"", {"b": [",", []]}, []], "mode": "merge"}', 1)
    @example(b'{"\\u0069tems": ["\\\\", "\\\\\\"]"]}', 2)
    def test_is_the_same_as_in_one_go(self, body, num_bytes):
        assert outcome(read_in_pieces, body, num_bytes) == outcome(read_whole, body)

    @SLOWLY
    @given(WRITTEN, st.integers(0, 10**6), st.integers(0, 3), st.sampled_from(SLIPS), st.integers(1, 9))
    @example(b'{"items": [1, 2]}', 12, 1, b"", 3)
    @example(b'{"items": [1, 2]}', 16, 1, b"", 3)
    @example(b'{"items": [{"a": 1}]}', 18, 1, b"]", 3)
    def test_of_what_is_broken_is_the_same_as_in_one_go(self, body, place, num_lost, slip, num_bytes):
        place %= len(body) + 1
        body = body[:place] + slip + body[place + num_lost :]
        assert outcome(read_in_pieces, body, num_bytes) == outcome(read_whole, body)

    @pytest.mark.parametrize(
        "body",
        [
            b'{"items": [1, {"a": 1, "a": 2}]}',
            b'{"items": [], "items": [1]}',
            b'{"items": [1, NaN]}',
            b'{"items": [1,, 2]}',
            b'{"items": [1 2]}',
            b'{"items": [1, 2,]}',
            b'{"items": ["\\ud800"]}',
            b'{"items": ["a\nb"]}',
            b'{"items": ["\xff"]}',
            b'{"items": [[}]}',
            b'{"items": [1]} {"items": [2]}',
            b'\xef\xbb\xbf{"items": [1]}',
            b'{"items": ["a',
            b'{"items": ["a\\',
        ],
    )
    def test_refuses_what_is_not_unambiguous(self, body):
        assert outcome(read_in_pieces, body, 5) == outcome(read_whole, body) == 400

    @pytest.mark.parametrize("deeper", [0, 1])
    def test_nests_as_deep_as_other_bodies(self, deeper):
        levels = MAX_JSON_DEPTH - 2 + deeper
        body = b'{"items": [' + b"[" * levels + b"]" * levels + b"]}"
        expected = outcome(read_whole, body)
        assert outcome(read_in_pieces, body, 7) == expected
        assert (expected == 400) == bool(deeper)


class TestSize:
    def test_whitespace_between_rows_is_not_kept(self):
        rows, rest = cut(b'{"items": [' + b" " * (2 * MAX_BODY_BYTES) + b"1 \n, 2]}", PIECE_BYTES)
        assert (rows, rest) == ([b"1", b"2"], b'{"items": [0,0]}')

    @pytest.mark.parametrize("more", [b"x" * MAX_BODY_BYTES, b" " * MAX_BODY_BYTES + b"2"])
    def test_of_a_row_over_the_limit_only_the_beginning_is_kept(self, more):
        rows, rest = cut(b'{"items": [1' + more + more + b", 2]}", PIECE_BYTES)
        assert [len(row) for row in rows] == [MAX_BODY_BYTES + 1, 1]
        assert rest == b'{"items": [0,0]}'

    @pytest.mark.parametrize(
        "body", [b'{"items": [' + b"," * MAX_BODY_BYTES, b'"' + b"x" * MAX_BODY_BYTES, b"\\" * (MAX_BODY_BYTES + 1)]
    )
    def test_of_what_is_around_rows_is_limited(self, body):
        with pytest.raises(RequestError) as refusal:
            cut(body, PIECE_BYTES)
        assert refusal.value.status == 413
