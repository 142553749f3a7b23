"""What surrounds every request: its id, its trace, its line in the log, and the net for unexpected errors."""

import re
import secrets
import time
from collections.abc import Mapping
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.auth import Caller
from app.api.errors import answer_error
from app.observability.logs import get_log
from app.store.key_ring import KEY_LIKE

MAX_REQUEST_ID_CHARACTERS: Final = 128
TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")  # W3C Trace Context, section 3.2

log = get_log(__name__)


class RequestContext:
    """Pure ASGI middleware; `request_id` and `started` (perf_counter) are in the request's state afterwards.

    HEAD is answered as GET is; the server, which still sees HEAD, leaves the body out.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        sent_headers = Headers(scope=scope)
        echoed = {"x-request-id": accepted_request_id(sent_headers) or secrets.token_hex(16)}
        if TRACEPARENT.fullmatch(traceparent := sent_headers.get("traceparent", "")):
            echoed["traceparent"] = traceparent
        scope.setdefault("state", {}).update(request_id=echoed["x-request-id"], started=started)
        asked = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
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
                raise  # half an answer is out; only closing the connection tells the caller
            await (await answer_error(Request(asked), error))(asked, receive, send_echoing)
        finally:
            log.info(
                "request",
                method=scope["method"],
                path=getattr(asked.get("route"), "path", "(no route)"),  # the template, so no id is logged
                status=status,
                ms=round((time.perf_counter() - started) * 1000, 2),
                request_id=echoed["x-request-id"],
                **_key_of(scope["state"].get("caller")),
            )


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
