"""What a connection may send before anybody has looked at its request, and how long that may take.

The parser hands out a head only when it is complete and sets no bound of its own, neither in bytes nor in time.
"""

import asyncio
import secrets
from http import HTTPStatus
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from app.api.problem import Problem, problem_response
from app.observability.logs import get_log
from app.observability.metrics import Failure

MAX_HEAD_BYTES: Final = 64 * 1024
"""Of request line and headers together, and of anything else between two pieces of body, trailers for one."""
SLICE_BYTES: Final = 4096
"""Fed to the parser at once; a head may pass its limit by less than this."""

FAILURES: Final[dict[int, Failure]] = {400: "not_http", 408: "slow_head", 431: "head_too_large"}

log = get_log(__name__)


class BoundedHttpProtocol(HttpToolsProtocol):
    """uvicorn's protocol with bounded heads; refusals are problem documents, and the connection is closed.

    The lifespan's state holds `read_seconds`, the time that a head may take, what is left of a body whose request was
    answered already, and a caller of whose answer nothing is read; and `live`, which counts refusals.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._read_seconds: float = self.app_state["read_seconds"]
        self._bytes_since_progress = 0
        self._is_in_head = True
        self._head_timer: asyncio.TimerHandle | None = None
        self._unread_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Called by the loop."""
        super().connection_made(transport)
        self._start_head_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop."""
        self._stop_head_timer()
        self._stop_unread_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        for start in range(0, len(data), SLICE_BYTES):
            piece = data[start : start + SLICE_BYTES]
            self._bytes_since_progress += len(piece)
            super().data_received(piece)
            if self.transport.is_closing():
                return
            if self._bytes_since_progress > MAX_HEAD_BYTES:
                self._refuse(431, f"request line and headers are longer than the limit, {MAX_HEAD_BYTES} bytes")
                return
        if self._is_in_head and self._head_timer is None:
            self._start_head_timer()

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        self._bytes_since_progress = 0
        self._is_in_head = False
        self._stop_head_timer()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Called by the parser."""
        self._bytes_since_progress = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Called by the parser."""
        self._bytes_since_progress = 0
        self._is_in_head = True
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Called by an answer that is written."""
        super().on_response_complete()
        # the newest request's: one that came behind it and is still being read has no answer yet
        if self.cycle.response_complete and self.cycle.more_body:
            self.loop.call_later(self._read_seconds, self._give_up_on_body, self.cycle)

    def pause_writing(self) -> None:
        """Called by the transport, whose buffer is full; nothing more is written until it has room again."""
        super().pause_writing()
        self._stop_unread_timer()
        self._unread_timer = self.loop.call_later(self._read_seconds, self._abort_if_unread, None)

    def resume_writing(self) -> None:
        """Called by the transport, whose buffer has room again."""
        self._stop_unread_timer()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Called by uvicorn for what is not HTTP."""
        self._refuse(400, msg)

    def _start_head_timer(self) -> None:
        self._head_timer = self.loop.call_later(self._read_seconds, self._give_up_on_head)

    def _stop_head_timer(self) -> None:
        if self._head_timer:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up_on_head(self) -> None:
        if self._is_answering:
            self._start_head_timer()  # reading is paused for the answers before it, so the delay is ours
        elif self._bytes_since_progress:
            self._refuse(408, f"the request's head took longer than the limit, {self._read_seconds:g} s")
        else:
            self.transport.close()

    def _give_up_on_body(self, answered: RequestResponseCycle) -> None:
        if self.cycle is answered and answered.more_body:
            self.transport.close()

    def _abort_if_unread(self, before: int | None) -> None:
        """Even closing waits until all is read that was written; who reads nothing for so long is not waited for.

        What is read shows here in steps of a third of the kernel's own buffer, which is larger for faster connections.
        """
        unread = self.transport.get_write_buffer_size()
        if before is not None and unread >= before:
            self.transport.abort()
        else:
            self._unread_timer = self.loop.call_later(self._read_seconds, self._abort_if_unread, unread)

    def _stop_unread_timer(self) -> None:
        if self._unread_timer:
            self._unread_timer.cancel()
            self._unread_timer = None

    @property
    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _refuse(self, status: int, detail: str) -> None:
        """Answer and close; in the middle of another answer only close."""
        request_id = secrets.token_hex(16)
        log.warning("refused before a request", status=status, detail=detail, request_id=request_id)
        self.app_state["live"].metrics.request_failed(FAILURES[status])
        if not self._is_answering:
            problem = Problem(
                type="about:blank",
                title=HTTPStatus(status).phrase,
                status=status,
                detail=detail,
                instance="",
                errors=[],
                request_id=request_id,
            )
            answer = problem_response(problem, {"connection": "close", "x-request-id": request_id})
            headers = b"".join(b"%b: %b\r\n" % header for header in answer.raw_headers)
            self.transport.write(STATUS_LINE[status] + headers + b"\r\n" + bytes(answer.body))
        self.transport.close()
