"""Parameters behind the question mark, as strict as a body: unknown ones, and values out of range, are refused.

A list is a parameter that is given again and again; an object is JSON.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from fastapi import Request
from pydantic import Field, ValidationError

from app.api.body import SCHEMAS, parse_value
from app.api.fields import refuse_fields, refused
from app.api.parts import NULL, TOLD_OF_THE_FIELD, RequestPart
from app.api.problem import FieldProblem, RequestError

Query = TypeVar("Query", bound=RequestPart)

MAX_INTEGER_CHARACTERS: Final = 19
FLAGS: Final[Mapping[str, bool]] = {"true": True, "false": False}


class PageQuery(RequestPart):
    """Which page of a list of stored things."""

    limit: int = Field(default=100, ge=1, le=1000)
    """Most entries of the page."""
    cursor: str | None = Field(default=None, min_length=1, max_length=1000)
    """`next_cursor` of the page before; without one, the first page."""


def query_of(model: type[Query]) -> Callable[[Request], Awaitable[Query]]:
    """A dependency that answers the request's parameters as `model`."""
    kinds = {name: _without_null(schema).get("type", "object") for name, schema in _properties(model).items()}

    async def read(request: Request) -> Query:
        sent = request.query_params
        values = {name: _read(name, kinds.get(name, "string"), sent.getlist(name)) for name in sent}
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
            **_described(_without_null(schema)),
        }
        for name, schema in _properties(model).items()
    ]


def _described(schema: dict[str, Any]) -> dict[str, Any]:
    return {"schema": schema} if "type" in schema else {"content": {"application/json": {"schema": schema}}}


def _properties(model: type[RequestPart]) -> Mapping[str, dict[str, Any]]:
    found: Mapping[str, dict[str, Any]] = model.model_json_schema(ref_template=f"{SCHEMAS}{{model}}")["properties"]
    return found


def _without_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A parameter that is not there is left out; there is no null to send."""
    default = {"default": schema["default"]} if schema.get("default") is not None else {}
    if "anyOf" in schema:
        (schema,) = (choice for choice in schema["anyOf"] if choice != NULL)
    return {**{key: value for key, value in schema.items() if key not in TOLD_OF_THE_FIELD}, **default}


def _read(name: str, kind: str, sent: Sequence[str]) -> Any:
    """What was sent, as a value of its kind where it can be one; what cannot is left to be refused."""
    if kind == "array":
        return list(sent)
    if len(sent) > 1:
        raise refused([FieldProblem(pointer=f"query:{name[:80]}", detail="is given twice")])
    (text,) = sent
    match kind:
        case "integer":
            return _integer(text)
        case "boolean":
            return FLAGS.get(text, text)
        case "object":
            return _object(name, text)
        case _:
            return text


def _object(name: str, text: str) -> Any:
    try:
        return parse_value(text)
    except (ValueError, RequestError) as error:
        raise refused(
            [FieldProblem(pointer=f"query:{name}", detail=f"cannot be read as JSON: {str(error)[:200]}")]
        ) from None


def _integer(text: str) -> int | str:
    """The number where the text is one and no longer than any that is allowed; else the text, which is then refused."""
    digits = text.removeprefix("-")
    is_number = digits.isascii() and digits.isdecimal() and len(digits) <= MAX_INTEGER_CHARACTERS
    return int(text) if is_number else text
