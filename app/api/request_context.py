"""What surrounds every request: its id, its span, its line in the log, its time, the net for unexpected errors."""

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.auth import Caller
from app.api.errors import answer_error
from app.observability.logs import get_log
from app.observability.metrics import METHODS, OTHER_METHOD, Metrics
from app.observability.traces import RequestSpan, Tracing, set_current_request_span
from app.runtime.random_bits import random_bytes
from app.store.key_ring import KEY_LIKE

MAX_REQUEST_ID_CHARACTERS: Final = 128
NO_ROUTE: Final = "(no route)"
NOT_TRACED: Final = ("/health/", "/metrics")
"""Beginnings of paths that machines ask every few seconds."""
TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")  # W3C Trace Context, section 3.2

log = get_log(__name__)


class RequestContext:
    """Pure ASGI middleware; `request_id` and `started` (perf_counter) are in the request's state afterwards.

    HEAD is answered as GET is; the server, which still sees HEAD, leaves the body out.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, tracing: Tracing | None) -> None:
        self._app = app
        self._metrics = metrics
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        sent_headers = Headers(scope=scope)
        echoed = {"x-request-id": accepted_request_id(sent_headers) or random_bytes.take(16).hex()}
        if TRACEPARENT.fullmatch(traceparent := sent_headers.get("traceparent", "")):
            echoed["traceparent"] = traceparent
        scope.setdefault("state", {}).update(request_id=echoed["x-request-id"], started=started)
        asked = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
        span = self._begin_span(scope["path"], sent_headers, started) if self._tracing else None
        status = 0

        async def send_echoing(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message).update(echoed)
            await send(message)

        try:
            await self._app(asked, receive, send_echoing)
        except Exception as error:  # an entry point: what nobody foresaw ends here, with its stack in the log
            log.exception("unexpected error", request_id=echoed["x-request-id"])
            if status:
                self._metrics.request_failed("cut_off")
                raise  # half an answer is out; only closing the connection tells the caller
            await (await answer_error(Request(asked), error))(asked, receive, send_echoing)
        except asyncio.CancelledError:
            if status:
                self._metrics.request_failed("cut_off")
            raise
        finally:
            ended = Ended(
                method=scope["method"] if scope["method"] in METHODS else OTHER_METHOD,
                route=asked.get("route"),
                status=status,
                seconds=time.perf_counter() - started,
                request_id=echoed["x-request-id"],
                caller=scope["state"].get("caller"),
            )
            self._tell(ended, span)

    def _begin_span(self, path: str, headers: Headers, started: float) -> RequestSpan | None:
        assert self._tracing
        span = None if path.startswith(NOT_TRACED) else self._tracing.begin(headers, started)
        set_current_request_span(span)  # of this request's own task, so it need not be taken back
        return span

    def _tell(self, ended: "Ended", span: RequestSpan | None) -> None:
        route = getattr(ended.route, "path", NO_ROUTE)  # the template, never the path: that holds ids
        self._metrics.request_ended(ended.method, route, ended.status, ended.seconds)
        if span:
            span.end(
                name=getattr(ended.route, "name", NO_ROUTE),
                method=ended.method,
                route=route,
                status=ended.status,
                request_id=ended.request_id,
            )
        log.info(
            "request",
            method=ended.method,
            path=route,
            status=ended.status,
            ms=round(ended.seconds * 1000, 2),
            request_id=ended.request_id,
            **_key_of(ended.caller),
        )


@dataclass(frozen=True, slots=True)
class Ended:
    """What is told of every request: nothing that its caller chose but the id."""

    method: str
    route: object
    """The framework's; None where no path fits."""
    status: int
    seconds: float
    request_id: str
    caller: Caller | None
    """None where the request went no further than the door."""


def _key_of(caller: Caller | None) -> Mapping[str, str]:
    """Which key asked, by the part of it that is no secret."""
    return {"key_id": caller.key_id} if caller and caller.key_id else {}


def accepted_request_id(headers: Headers) -> str | None:
    """The caller's id if it is 1–128 printable ASCII characters; anything else could forge lines of a log.

    Nor is a key an id: ids are logged.
    """
    sent = headers.get("x-request-id", "")
    acceptable = 0 < len(sent) <= MAX_REQUEST_ID_CHARACTERS and sent.isascii() and sent.isprintable()
    acceptable = acceptable and not KEY_LIKE.search(sent)
    return sent if acceptable else None
