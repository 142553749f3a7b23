"""Structured logs on standard error: JSON for machines, readable lines for a terminal."""

import asyncio
import json
import logging
import sys
from traceback import format_tb
from typing import Any, Literal, TextIO

import orjson
import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

LogLevel = Literal["debug", "info", "warning", "error"]


class Lines:
    """Writes each line at once. One that cannot be written is lost: nothing fails for its log."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, line: str) -> None:
        """The line, in one piece."""
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except (OSError, ValueError):  # the pipe is broken, the disk full, the stream closed
            return

    debug = info = warning = error = critical = write


def configure_logs(level: LogLevel) -> None:
    """Sends the service's and the libraries' log records through one format.

    The service's own go past the standard library's records, which take twice as long. What is logged is chosen where
    it is logged; histories, keys and raw user ids never are. The messages of errors could quote them, so a stack is
    logged without its errors' messages.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: Processor = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if sys.stderr.isatty()
        else structlog.processors.JSONRenderer(serializer=_json)
    )
    lines = Lines(sys.stderr)
    structlog.configure(
        processors=[*shared, add_stack, last],
        logger_factory=lambda *_names: lines,
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )
    stream = logging.StreamHandler(sys.stderr)
    stream.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, add_stack, last],
        )
    )
    root = logging.getLogger()
    root.handlers = [stream]
    root.setLevel(level.upper())
    logging.getLogger("uvicorn.error").setLevel(max(logging.WARNING, root.level))  # it narrates what we log ourselves


def _json(event: EventDict, **_others: Any) -> str:
    """What is no JSON is told as Python writes it, as structlog does; so is what orjson refuses for its size."""
    try:
        return orjson.dumps(event, default=repr, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:
        return json.dumps(event, default=repr)


def get_log(name: str) -> FilteringBoundLogger:
    """The logger of one module."""
    log: FilteringBoundLogger = structlog.get_logger(name)
    return log


def add_stack(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The event with `exception`, the stack and the kinds of errors, in place of `exc_info`."""
    told = event.pop("exc_info", None)
    if told is True:
        told = sys.exc_info()
    error = told[1] if isinstance(told, tuple) else told
    if isinstance(error, BaseException):
        event["exception"] = "".join(stack_of(error))
    return event


def stack_of(error: BaseException) -> list[str]:
    """Lines as Python prints them, oldest cause first, but of each error only its kind."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    before = [*stack_of(cause), "then, while that was handled:\n"] if cause else []
    group = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    inner = [line for each in group for line in ("in the group:\n", *stack_of(each))]
    kind = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    return [*before, *format_tb(error.__traceback__), f"{kind}\n", *inner]


def log_loop_error(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """An event loop's exception handler; asyncio's own logs arguments of callbacks and the messages of errors."""
    error = context.get("exception")
    what = "error outside of requests" if error else context["message"]
    get_log(__name__).error(what, exc_info=error)
