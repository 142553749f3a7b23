"""What goes wrong, one tree.

FigmentError
├── NoAnswer                     nothing came back: no connection, a time limit, a broken connection or answer
└── Refused                      the service answered with a problem (RFC 9457)
    ├── NotAuthenticated         401
    ├── NotAllowed               403
    ├── NotFound                 404
    ├── InvalidRequest           422
    ├── RateLimited              429
    ├── Unavailable              503
    └── DeadlineExceeded         504
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from figment_client.answers import FieldProblem

MAX_SHOWN_CHARACTERS = 500


class FigmentError(Exception):
    """Why there is no answer."""


class NoAnswer(FigmentError):
    """Nothing came back, or nothing that can be read; whether the service did what was asked is not known.

    `__cause__` tells more.
    """


class Refused(FigmentError):
    """An answer that is not a success."""

    def __init__(
        self,
        status: int,
        title: str,
        detail: str,
        *,
        problem_type: str = "about:blank",
        errors: list[FieldProblem] | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.status = status
        self.title = title
        self.detail = detail
        self.problem_type = problem_type
        """`about:blank` where the status says it all, else `urn:figment:problem:<name>`."""
        self.errors = errors or []
        """Of each bad field, where it stands and why it is bad."""
        self.request_id = request_id
        """The same as in the service's log."""
        self.retry_after = retry_after
        """Seconds after which it is worth another try, where the service says so."""
        super().__init__(f"{status} {title}: {detail}")


class NotAuthenticated(Refused):
    """No key, or one that is not known."""


class NotAllowed(Refused):
    """The key may not do this."""


class NotFound(Refused):
    """No such item, user, list, job or model."""


class InvalidRequest(Refused):
    """`errors` names the fields."""


class RateLimited(Refused):
    """Too many requests."""


class Unavailable(Refused):
    """Loading, overloaded or stopping."""


class DeadlineExceeded(Refused):
    """`deadline_ms` was too short."""


BY_STATUS: Mapping[int, type[Refused]] = {
    401: NotAuthenticated,
    403: NotAllowed,
    404: NotFound,
    422: InvalidRequest,
    429: RateLimited,
    503: Unavailable,
    504: DeadlineExceeded,
}


def no_answer(error: httpx.RequestError) -> NoAnswer:
    """The error that one of httpx stands for."""
    request = error.request
    told = NoAnswer(f"{request.method} {request.url.copy_with(query=None)}: {str(error) or type(error).__name__}")
    told.__cause__ = error
    return told


def refused(answer: httpx.Response) -> Refused:
    """The error that an answer stands for; whatever answered, be it a proxy."""
    told = _problem_of(answer)
    status = answer.status_code
    return BY_STATUS.get(status, Refused)(
        status,
        told.get("title", answer.reason_phrase),
        told.get("detail", answer.text[:MAX_SHOWN_CHARACTERS]),
        problem_type=told.get("type", "about:blank"),
        errors=told.get("errors"),
        request_id=told.get("request_id", answer.headers.get("X-Request-Id")),
        retry_after=_seconds(answer.headers.get("Retry-After")),
    )


def _problem_of(answer: httpx.Response) -> dict[str, Any]:
    if answer.headers.get("Content-Type", "").partition(";")[0] != "application/problem+json":
        return {}
    try:
        told = answer.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _seconds(retry_after: str | None) -> float | None:
    """From now, of seconds or of a date (RFC 9110 §10.2.3)."""
    if retry_after is None:
        return None
    if retry_after.isdecimal():
        return float(retry_after)
    try:
        until = parsedate_to_datetime(retry_after) - datetime.now(UTC)
    except ValueError:
        return None
    return max(until.total_seconds(), 0.0)
