"""The only place that turns errors into HTTP.

| error                                  | status |
|----------------------------------------|--------|
| RequestError                           | its own: 400 unparsable, 401 no key, 403 forbidden to the key, 408 slow, |
|                                        | 413 too large, 415 media type, 422 fields, 429 too often |
| HTTPException of the framework         | its own: 404 no such path, 405 no such method |
| ClientDisconnect of the framework      | 400, which nobody is left to read |
| RuleRefused                            | 422 with a pointer to the part of the rule |
| CursorRefused                          | 422 with a pointer to the parameter |
| UnknownItem                            | 404    |
| ModelLacks                             | 409    |
| InputError                             | 422    |
| NotReady, Overloaded, StoreUnavailable, IndexUnavailable, NotYetServed | 503 with Retry-After |
| DeadlineExceeded                       | 504    |
| anything else                          | 500, logged with its stack, told without it |
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus

from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from app.api.fields import refused, rule_problem
from app.api.problem import MAX_INSTANCE_CHARACTERS, FieldProblem, Problem, RequestError, problem_response
from app.observability.metrics import Failure
from models.domain.errors import (
    CursorRefused,
    DeadlineExceeded,
    FigmentError,
    IndexUnavailable,
    InputError,
    ModelLacks,
    NotReady,
    NotYetServed,
    Overloaded,
    RuleRefused,
    StoreUnavailable,
    UnknownItem,
)

CURSOR = "query:cursor"
"""Where pages of stored things are asked for."""
RETRY_AFTER = {"Retry-After": "1"}  # seconds; a bundle loads, and a permit comes free, in about that


@dataclass(frozen=True, slots=True)
class Told:
    """What a caller is told about an error."""

    status: int
    detail: str
    name: str | None = None
    title: str | None = None
    errors: Sequence[FieldProblem] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


OWN_ERRORS: Sequence[tuple[type[FigmentError], Told]] = (
    (UnknownItem, Told(404, "")),
    (ModelLacks, Told(409, "", "model-lacks-part", "Not in this model")),
    (InputError, Told(422, "", "invalid-fields", "Invalid fields")),
    (DeadlineExceeded, Told(504, "", "deadline-exceeded", "Deadline exceeded")),
    (NotReady, Told(503, "", "not-ready", "Not ready", headers=RETRY_AFTER)),
    (Overloaded, Told(503, "", "overloaded", "Overloaded", headers=RETRY_AFTER)),
    (StoreUnavailable, Told(503, "", "store-unavailable", "Store unavailable", headers=RETRY_AFTER)),
    (NotYetServed, Told(503, "", "not-yet-served", "Stored, not yet served", headers=RETRY_AFTER)),
    (IndexUnavailable, Told(503, "", "index-unavailable", "Index unavailable", headers=RETRY_AFTER)),
)


FAILURES: Sequence[tuple[type[Exception], Failure]] = (
    (DeadlineExceeded, "deadline"),
    (NotReady, "not_ready"),
    (Overloaded, "overloaded"),
    (StoreUnavailable, "store_unavailable"),
    (NotYetServed, "not_yet_served"),
    (IndexUnavailable, "index_unavailable"),
    (ClientDisconnect, "client_gone"),
)
FAILURES_BY_STATUS: Mapping[int, Failure] = {408: "slow_body", 413: "body_too_large", 500: "unexpected"}
"""Of all other errors."""


def told_of(error: Exception) -> Told:
    """Status, words and headers for an error."""
    if isinstance(error, RuleRefused):
        error = refused([rule_problem(error)])
    if isinstance(error, CursorRefused):
        error = RequestError(422, str(error), errors=[FieldProblem(pointer=CURSOR, detail=str(error))])
    if isinstance(error, RequestError):
        name, title = ("invalid-fields", "Invalid fields") if error.status == 422 else (None, None)
        return Told(error.status, error.detail, name, title, error.errors, error.headers)
    if isinstance(error, ClientDisconnect):
        return Told(400, "the connection closed before the body was complete")  # nobody reads it; the log has its line
    if isinstance(error, HTTPException):
        return Told(error.status_code, str(error.detail), headers=error.headers or {})
    for kind, told in OWN_ERRORS:
        if isinstance(error, kind):
            return replace(told, detail=str(error))
    return Told(500, "an unexpected error; the service's log has it under this request_id")


async def answer_error(request: Request, error: Exception) -> Response:
    """The problem document for an error."""
    problem = problem_of(error, path=request.url.path, request_id=request.scope["state"]["request_id"])
    if failure := failure_of(error):
        request.state.live.metrics.request_failed(failure)
    return problem_response(problem, {**told_of(error).headers, **_allowed(request, problem.status)})


def _allowed(request: Request, status: int) -> Mapping[str, str]:
    """The methods of the path, where it has no such method: the framework names those of one of its routes alone."""
    route = request.scope.get("route")
    if status != HTTPStatus.METHOD_NOT_ALLOWED or route is None:
        return {}
    others = (other for other in iter_route_contexts(request.app.routes) if other.path == route.path)
    return {"Allow": ", ".join(sorted({method for other in others for method in other.methods or ()}))}


def failure_of(error: Exception) -> Failure | None:
    """What an error is counted as; None where the request's content is to blame."""
    by_kind = next((failure for kind, failure in FAILURES if isinstance(error, kind)), None)
    return by_kind or FAILURES_BY_STATUS.get(told_of(error).status)


def problem_of(error: Exception, *, path: str, request_id: str) -> Problem:
    """What a caller of `path` is told about an error."""
    told = told_of(error)
    return Problem(
        type="about:blank" if told.name is None else f"urn:figment:problem:{told.name}",
        title=told.title or HTTPStatus(told.status).phrase,
        status=told.status,
        detail=told.detail,
        instance=path[:MAX_INSTANCE_CHARACTERS],
        errors=list(told.errors),
        request_id=request_id,
    )
