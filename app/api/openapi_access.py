"""What the contract says about keys and rate limits, of every operation that takes a key."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from app.api.auth import BEARER
from app.api.presented_key import KEY_HEADER
from app.api.problem import Problem

SCOPES_TOLD: Final = "An operation names the scope that it takes, or none where any secret key will do."
SECURITY_SCHEMES: Final[Mapping[str, Mapping[str, str]]] = {
    BEARER: {"type": "http", "scheme": "bearer", "description": f"An API key. {SCOPES_TOLD}"},
    "header": {"type": "apiKey", "in": "header", "name": KEY_HEADER, "description": f"The same key. {SCOPES_TOLD}"},
}
HEADERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "RateLimit": {
        "description": "Where the key has a limit: requests left (r), and seconds until there are more (t).",
        "schema": {"type": "string"},
        "example": '"default";r=599;t=42',
    },
    "RateLimit-Policy": {
        "description": "Where the key has a limit: requests (q) in so many seconds (w).",
        "schema": {"type": "string"},
        "example": '"default";q=600;w=60',
    },
    "Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}},
    "WWW-Authenticate": {"description": "How to send a key (RFC 6750).", "schema": {"type": "string"}},
}
LIMITS: Final = ("RateLimit", "RateLimit-Policy")
ANSWERS: Final[Mapping[str, tuple[str, ...]]] = {
    "401": ("WWW-Authenticate",),
    "403": ("WWW-Authenticate", *LIMITS),
    "429": ("Retry-After", *LIMITS),
    "503": ("Retry-After",),
}
"""Of every operation that takes a key, with their headers; 503 where keys cannot be read."""


def with_access(document: Mapping[str, Any], *, needs_key: bool) -> dict[str, Any]:
    """The OpenAPI document with both ways to send a key, and what everyone may be answered who sends one or none.

    `needs_key`: some key was made, so none is optional any more.
    """
    paths = {
        path: {method: _guarded(operation, needs_key) for method, operation in operations.items()}
        for path, operations in document["paths"].items()
    }
    components = {**document["components"], "securitySchemes": SECURITY_SCHEMES, "headers": HEADERS}
    return {**document, "components": components, "paths": paths}


def _guarded(operation: Mapping[str, Any], needs_key: bool) -> Mapping[str, Any]:
    if "security" not in operation:
        return operation
    (scopes,) = (requirement[BEARER] for requirement in operation["security"])
    ways = [{scheme: scopes} for scheme in SECURITY_SCHEMES]
    responses = {status: _refusal(int(status)) for status in ANSWERS} | operation["responses"]
    for status, response in responses.items():
        names = ANSWERS.get(status, LIMITS)
        headers = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
        responses[status] = {**response, "headers": headers | response.get("headers", {})}
    return {
        **operation,
        "security": ways if needs_key else [{}, *ways],
        "responses": dict(sorted(responses.items())),
    }


def _refusal(status: int) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{Problem.__name__}"}
    return {"description": HTTPStatus(status).phrase, "content": {"application/json": {"schema": schema}}}
