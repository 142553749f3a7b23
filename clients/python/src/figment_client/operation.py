"""A request before it is sent, and what its answer holds."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote

import httpx

from figment_client.errors import NoAnswer, refused

Answer = TypeVar("Answer")
Element = TypeVar("Element")


@dataclass(frozen=True, slots=True)
class Operation(Generic[Answer]):
    """One operation of the service's contract, filled in."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    """As the contract has it, with names in braces."""
    ids: Mapping[str, str] = field(default_factory=dict)
    """What the names in braces stand for."""
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str | int | None] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    has_identity: bool = False
    """Whether the service knows it again, so that carrying it out twice is the same as once."""

    @property
    def can_be_repeated(self) -> bool:
        """Whether it is safe to send it again when nobody knows what became of it."""
        return self.method == "GET" or self.has_identity

    def request(self, http: httpx.Client | httpx.AsyncClient) -> httpx.Request:
        """The request, with what the HTTP client adds. None means left out, but in bodies: there it is JSON's null.

        Raises ValueError for ids that no path can hold, and for what JSON does not have, such as NaN.
        """
        headers = {name: str(value) for name, value in self.headers.items() if value is not None}
        if self.body is not None:
            headers["Content-Type"] = "application/json"
        return http.build_request(
            self.method,
            self.path.format_map({name: _in_path(value) for name, value in self.ids.items()}),
            params={name: value for name, value in self.query.items() if value is not None},
            headers=headers,
            content=None if self.body is None else json_of(self.body),
        )

    def answer_in(self, outcome: httpx.Response | NoAnswer) -> Answer:
        """What it holds. Raises what it is instead: NoAnswer, or Refused where that is no success."""
        if isinstance(outcome, NoAnswer):
            raise outcome
        if not outcome.is_success:
            raise refused(outcome)
        return _content_of(outcome)  # type: ignore[no-any-return]  # the contract says that it is an Answer


@dataclass(frozen=True, slots=True)
class Series(Generic[Element]):
    """What comes in pages."""

    page: Callable[[str | None], Operation[Any]]
    """From the cursor of the page before."""
    name: str
    """Of the list in each page."""


def json_of(value: Any) -> bytes:
    """As JSON, datetimes as text."""
    return json.dumps(value, default=_plain, allow_nan=False, separators=(",", ":")).encode()


def _in_path(value: str) -> str:
    if value in ("", ".", ".."):  # on the way, the path would become another one
        message = f"{value!r} cannot be an id in a path"
        raise ValueError(message)
    return quote(value, safe="")


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    message = f"{value!r} cannot be sent as JSON"
    raise TypeError(message)


def _content_of(response: httpx.Response) -> Any:
    if response.status_code == httpx.codes.NO_CONTENT:
        return None
    if response.headers.get("Content-Type", "").partition(";")[0] != "application/json":
        return response.text
    try:
        return response.json()
    except ValueError as error:
        message = f"{response.request.url.path} was answered {response.status_code} with broken JSON"
        raise NoAnswer(message) from error
