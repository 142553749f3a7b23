"""Reading a JSON body within its bounds.

The framework's own reading is not used: it would take bodies of any length and depth, keep the last of two equal
keys, accept NaN, and turn dates into strings before strict validation sees them.
"""

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from functools import partial
from time import perf_counter
from typing import Any, Final, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from app.api import MAX_ERRORS, MAX_INTEGER_DIGITS, MAX_JSON_DEPTH
from app.api.fields import pointer, refuse_fields, refused, shown
from app.api.problem import FieldProblem, RequestError

Body = TypeVar("Body", bound=BaseModel)
STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)  # possessive, so that no body makes it backtrack
JSON: Final = ("application/json",)
SCHEMAS: Final = "#/components/schemas/"
LARGE_BYTES: Final = 32 * 1024
"""A thousand events are 260 KiB and take 15 ms to parse; this much takes 2."""
LEAST_BYTES_A_SECOND: Final = 16 * 1024
"""On average, of a body that may take its time: 128 kbit/s, less than any line that a shop uploads its catalogue by."""
NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def json_body(model: type[Body], *, max_bytes: int) -> Callable[[Request], Awaitable[Body]]:
    """A dependency that answers the request's body as `model`."""

    async def read(request: Request) -> Body:
        return (await read_json(request, model, max_bytes=max_bytes))[0]

    return read


def request_body(model: type[BaseModel]) -> dict[str, Any]:
    """How the contract describes a body that `json_body` reads; its schema and examples are put in later."""
    schema = {"$ref": f"{SCHEMAS}{model.__name__}"}
    return {"required": True, "content": {"application/json": {"schema": schema}}}


async def read_json(request: Request, model: type[Body], *, max_bytes: int) -> tuple[Body, bytes]:
    """The request's body as `model`, and as it came."""
    check_media_type(request)
    body = await read_bounded(request, max_bytes)
    if len(body) <= LARGE_BYTES:
        return parse_body(model, body), body
    return await asyncio.to_thread(parse_body, model, body), body  # others get their turn meanwhile


def check_media_type(request: Request, media_types: Collection[str] = JSON) -> str:
    """The one of `media_types` that the body is declared as; refuses with 415 what is none of them, or not plain."""
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    media_type = media_type.strip().lower()
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if media_type not in media_types or charset not in ("", "utf-8"):
        got = request.headers.get("content-type")
        raise RequestError(415, f"send Content-Type: {' or '.join(media_types)} in UTF-8, got {shown(got)}")
    encoding = request.headers.get("content-encoding", "identity")
    if encoding.lower() != "identity":
        raise RequestError(415, f"send the body without Content-Encoding, got {shown(encoding)}")
    return media_type


async def read_bounded(request: Request, max_bytes: int) -> bytes:
    """The body; 413 as soon as it is declared or found to be longer than `max_bytes`, 408 where it does not come."""
    seconds: float = request.state.read_seconds
    timeout = asyncio.timeout(seconds)
    try:
        async with timeout:
            return b"".join([chunk async for chunk in bounded_chunks(request, max_bytes)])
    except TimeoutError:
        if not timeout.expired():
            raise
        raise _too_slow(f"took longer than the limit, {seconds:g} s") from None


def _too_slow(detail: str) -> RequestError:
    return RequestError(408, f"the body {detail}", headers={"Connection": "close"})


async def steady_chunks(request: Request, max_bytes: int) -> AsyncIterator[bytes]:
    """As `bounded_chunks`, for a body that may take its time as long as it keeps coming: 408 where it does not.

    It may pause for `read_seconds`, and all of its pauses together may be longer by no more than its bytes take at
    LEAST_BYTES_A_SECOND. A cap on the whole would let who sends a byte now and then hold a connection for as long
    as the slowest honest upload; by the rate such a one has little more than `read_seconds`. What counts is
    the time for which the body is waited for, not what is done with it in between.
    """
    seconds: float = request.state.read_seconds
    chunks = bounded_chunks(request, max_bytes)
    credit = seconds
    while True:
        started = perf_counter()
        try:
            async with asyncio.timeout(min(seconds, credit)):
                chunk = await anext(chunks, None)
        except TimeoutError:
            if credit < seconds:
                raise _too_slow(f"came slower than the least, {LEAST_BYTES_A_SECOND} bytes a second") from None
            raise _too_slow(f"paused for longer than the limit, {seconds:g} s") from None
        if chunk is None:
            return
        credit += len(chunk) / LEAST_BYTES_A_SECOND - (perf_counter() - started)
        yield chunk


async def bounded_chunks(request: Request, max_bytes: int) -> AsyncIterator[bytes]:
    """The body as it comes; 413 as soon as it is declared or found to be longer than `max_bytes`."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > max_bytes:
        raise RequestError(413, f"the body has {declared[:20]} bytes, the limit is {max_bytes}")
    num_bytes = 0
    async for chunk in request.stream():
        num_bytes += len(chunk)
        if num_bytes > max_bytes:
            raise RequestError(413, f"the body is longer than the limit, {max_bytes} bytes")
        yield chunk


def parse_body(model: type[Body], body: bytes, *, whole: str = "the body") -> Body:
    """The body as `model`; 400 for what is not unambiguous JSON, 422 for what breaks the model's rules.

    An integer of more than MAX_INTEGER_DIGITS is a 422 too, wherever it stands. `whole`: what the body is called, where
    it is a part of what was sent.
    """
    check_depth(body, whole=whole)
    try:
        _check_json(body.decode(), whole=whole)
        return model.model_validate_json(body)
    except ValidationError as error:
        if error.errors(include_url=False)[0]["type"] == "json_invalid":
            raise RequestError(400, f"{whole} is not JSON: {error.errors()[0]['ctx']['error']}") from None
        raise refuse_fields(error, whole=whole) from None
    except UnicodeDecodeError as error:
        raise RequestError(400, f"{whole} is not UTF-8: {error.reason} at byte {error.start}") from None
    except ValueError as error:
        raise RequestError(400, f"{whole} is not JSON: {str(error)[:200]}") from None


def parse_value(text: str) -> Any:
    """A JSON value that stands somewhere else than in a body; raises ValueError or RequestError."""
    check_depth(text.encode())
    _check_json(text)
    return from_json(text)  # which refuses half a surrogate pair, as a body's reader does


def check_depth(body: bytes, *, whole: str = "the body") -> None:
    """Refuses with 400 arrays and objects nested deeper than MAX_JSON_DEPTH, before a parser recurses into them."""
    if body.count(b"[") + body.count(b"{") <= MAX_JSON_DEPTH:
        return
    depth = 0
    for bracket in STRING.sub(b"", body).translate(None, delete=NOT_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        if depth > MAX_JSON_DEPTH:
            raise too_deep(whole)


def too_deep(whole: str = "the body") -> RequestError:
    """The 400 for it."""
    return RequestError(400, f"{whole} nests deeper than the limit, {MAX_JSON_DEPTH} levels")


def _check_json(text: str, *, whole: str = "the body") -> None:
    """Raises ValueError for what is not unambiguous JSON, the 422 for integers that are too long."""
    read = partial(json.loads, text, object_pairs_hook=_refuse_repeated_keys, parse_constant=_refuse_constant)
    try:
        read(parse_int=_refuse_long_integer)
    except _IntegerTooLong:
        problems = list(_long_integers(read(parse_int=_kept_if_long)))
        raise refused(problems[:MAX_ERRORS], num_found=len(problems), whole=whole) from None


def _refuse_repeated_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    object_ = dict(pairs)
    if len(object_) < len(pairs):
        repeated, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise ValueError(f"key {shown(repeated)} appears twice in one object")
    return object_


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


class _IntegerTooLong(Exception):
    """Stops the first reading; the second, which bodies seldom need, finds where such integers stand."""


class _LongInteger(str):
    """An integer that is too long, as it is written."""

    __slots__ = ()


def _refuse_long_integer(digits: str) -> None:
    if _num_digits(digits) > MAX_INTEGER_DIGITS:
        raise _IntegerTooLong


def _kept_if_long(digits: str) -> _LongInteger | None:
    return _LongInteger(digits) if _num_digits(digits) > MAX_INTEGER_DIGITS else None


def _long_integers(value: object, location: tuple[int | str, ...] = ()) -> Iterator[FieldProblem]:
    match value:
        case _LongInteger():
            detail = f"is an integer of {_num_digits(value)} digits, the limit is {MAX_INTEGER_DIGITS}"
            yield FieldProblem(pointer=pointer(location), detail=detail)
        case dict():
            for key, inner in value.items():
                yield from _long_integers(inner, (*location, key))
        case list():
            for place, inner in enumerate(value):
                if inner is not None:
                    yield from _long_integers(inner, (*location, place))


def _num_digits(written: str) -> int:
    return len(written.removeprefix("-"))
