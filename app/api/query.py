"""Parameters behind the question mark, as strict as a body: unknown ones, and values out of range, are refused."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from fastapi import Request
from pydantic import Field, ValidationError

from app.api.fields import refuse_fields, refused
from app.api.parts import RequestPart
from app.api.problem import FieldProblem

Query = TypeVar("Query", bound=RequestPart)

MAX_INTEGER_CHARACTERS = 19


class PageQuery(RequestPart):
    """Which page of a list of stored things."""

    limit: int = Field(default=100, ge=1, le=1000)
    """Most entries of the page."""
    cursor: str | None = Field(default=None, min_length=1, max_length=1000)
    """`next_cursor` of the page before; without one, the first page."""


def query_of(model: type[Query]) -> Callable[[Request], Awaitable[Query]]:
    """A dependency that answers the request's parameters as `model`, whose fields are integers or strings."""
    integers = {name for name, schema in _properties(model).items() if "integer" in str(schema)}

    async def read(request: Request) -> Query:
        sent = request.query_params
        if repeated := [name for name in sent if len(sent.getlist(name)) > 1]:
            raise refused([FieldProblem(pointer=f"query:{repeated[0][:80]}", detail="is given twice")])
        values = {name: _integer(value) if name in integers else value for name, value in sent.items()}
        try:
            return model.model_validate(values)
        except ValidationError as error:
            raise refuse_fields(error, at="query:") from None

    return read


def query_parameters(model: type[RequestPart]) -> list[dict[str, Any]]:
    """How the contract describes them."""
    return [
        {
            "name": name,
            "in": "query",
            "required": model.model_fields[name].is_required(),
            "description": schema.get("description", ""),
            "schema": _without_null(schema),
        }
        for name, schema in _properties(model).items()
    ]


def _properties(model: type[RequestPart]) -> Mapping[str, dict[str, Any]]:
    found: Mapping[str, dict[str, Any]] = model.model_json_schema()["properties"]
    return found


def _without_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A parameter that is not there is left out; there is no null to send."""
    if "anyOf" in schema:
        (schema,) = (choice for choice in schema["anyOf"] if choice != {"type": "null"})
    return {key: value for key, value in schema.items() if key not in ("description", "title")}


def _integer(text: str) -> int | str:
    """The number where the text is one and no longer than any that is allowed; else the text, which is then refused."""
    digits = text.removeprefix("-")
    is_number = digits.isascii() and digits.isdecimal() and len(digits) <= MAX_INTEGER_CHARACTERS
    return int(text) if is_number else text
