"""Spans of requests and of the stages of their work.

FastAPI's own spans stay off: they tell a request's path and query, which hold user ids and search texts.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from importlib.metadata import version
from typing import Final

from opentelemetry import propagate
from opentelemetry.trace import Span, SpanKind, StatusCode, TracerProvider, set_span_in_context

from app.observability.work import Lap

MAX_STAGE_SPANS: Final = 100
"""Of one request, the first; in a batch each shopper has several. What is left out is counted on the request's span."""

_current: ContextVar["RequestSpan | None"] = ContextVar("request_span", default=None)


class Tracing:
    """Makes spans with one provider; nothing is registered globally."""

    def __init__(self, provider: TracerProvider, *, close: Callable[[], None] = lambda: None) -> None:
        self.close = close
        """Sends what is still here; may take seconds."""
        self._tracer = provider.get_tracer("figment", version("figment"))

    def begin(self, headers: Mapping[str, str], started: float) -> "RequestSpan | None":
        """The span of a request that began at `started` (perf_counter), below the one that its headers name.

        None where the sampler leaves the request out.
        """
        offset = time.time_ns() - int(time.perf_counter() * 1e9)
        parent = propagate.extract(headers)
        span = self._tracer.start_span("request", parent, SpanKind.SERVER, start_time=offset + int(started * 1e9))
        return RequestSpan(self._begin_stage, span, offset) if span.is_recording() else None

    def _begin_stage(self, name: str, request: Span, start_time: int) -> Span:
        return self._tracer.start_span(name, set_span_in_context(request), start_time=start_time)


class RequestSpan:
    """The span of one request; the stages of its work stand below it."""

    __slots__ = ("_begin_stage", "_num_stages", "_offset", "_span")

    def __init__(self, begin_stage: Callable[[str, Span, int], Span], span: Span, offset: int) -> None:
        """`offset` makes nanoseconds since the epoch of those of perf_counter."""
        self._begin_stage = begin_stage
        self._span = span
        self._offset = offset
        self._num_stages = 0

    def add_stages(self, laps: Sequence[Lap]) -> None:
        """A span for each, of one piece of work after another; even where the request has ended already, because its
        caller gave up."""
        told = laps[: max(0, MAX_STAGE_SPANS - self._num_stages)]
        self._num_stages += len(laps)
        if self._num_stages > MAX_STAGE_SPANS:
            self._span.set_attribute("figment.stages_left_out", self._num_stages - MAX_STAGE_SPANS)
        for name, started, ended in told:
            stage = self._begin_stage(name, self._span, self._offset + int(started * 1e9))
            stage.end(self._offset + int(ended * 1e9))

    def end(self, *, name: str, method: str, route: str, status: int, request_id: str) -> None:
        """The request has ended; `name` and `route` are the code's words, never the caller's."""
        self._span.update_name(name)
        self._span.set_attributes(
            {
                "http.request.method": method,
                "http.route": route,
                "http.response.status_code": status,
                "figment.request_id": request_id,
            }
        )
        if status == 0 or status >= 500:
            self._span.set_status(StatusCode.ERROR)
        self._span.end()


def current_request_span() -> RequestSpan | None:
    """The span of the request that this task answers."""
    return _current.get()


def set_current_request_span(span: RequestSpan | None) -> None:
    """From now on `span` is the current one of this task."""
    _current.set(span)
