"""RFC 9457 problem documents."""

from collections.abc import Mapping, Sequence

import orjson
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
MAX_INSTANCE_CHARACTERS = 200


class FieldProblem(BaseModel):
    """What is wrong with one part of the request."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    pointer: str
    """JSON pointer into the body (RFC 6901), or `header:<name>`, `path:<name>`, `query:<name>`."""
    detail: str
    """Names the value and the limit."""


class Problem(BaseModel):
    """The body of every answer that is not a success (RFC 9457)."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    type: str
    """`about:blank` where the status says it all, else `urn:figment:problem:<name>`."""
    title: str
    status: int
    detail: str
    instance: str
    """Path of the request."""
    errors: list[FieldProblem]
    request_id: str
    """The same as in the X-Request-Id header and in the service's log."""


class RequestError(Exception):
    """A request that is wrong as HTTP or JSON, before any of the service's own rules."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: Sequence[FieldProblem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status
        self.detail = detail
        self.errors = errors
        self.headers = headers or {}
        super().__init__(detail)


def problem_response(problem: Problem, headers: Mapping[str, str]) -> Response:
    """The document as an answer."""
    return Response(
        orjson.dumps(problem.model_dump()),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers=dict(headers),
    )
