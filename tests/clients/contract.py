"""The client's types beside the schemas of docs/openapi.json."""

import inspect
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, NotRequired, Required, Union, get_args, get_origin, get_type_hints, is_typeddict

import orjson

from figment_client.operation import Operation
from figment_client.operations import catalogue, fraud, images, imagining, lists, service, shoppers
from tests.conftest import REPOSITORY

Schema = Mapping[str, Any]
CONTRACT: Schema = orjson.loads((REPOSITORY / "docs/openapi.json").read_bytes())
PLAIN = {"string": str, "boolean": bool, "integer": int, "number": float, "null": type(None)}
KEYWORDS_OF_HEADERS = {"X-Request-Timeout-Ms": "deadline_ms", "Idempotency-Key": "idempotency_key"}


def operations_of_contract() -> dict[tuple[str, str], Schema]:
    """By method and path."""
    return {
        (method.upper(), path): told
        for path, methods in CONTRACT["paths"].items()
        for method, told in methods.items()
        if method in ("get", "post", "put", "patch", "delete")
    }


def operations_of_client() -> dict[tuple[str, str], Callable[..., Operation[Any]]]:
    """By method and path, as they are when filled in."""
    return {
        (filled.method, filled.path): function
        for module in (lists, catalogue, shoppers, fraud, images, imagining, service)
        for function in vars(module).values()
        if inspect.isfunction(function) and function.__module__ == module.__name__
        if get_origin(get_type_hints(function)["return"]) is Operation
        for filled in [fill_in(function)]
    }


def fill_in(function: Callable[..., Operation[Any]]) -> Operation[Any]:
    parameters = inspect.signature(function).parameters.values()
    return function(
        *("x" for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD),
        **{one.name: [] for one in parameters if one.kind is one.KEYWORD_ONLY and one.default is one.empty},
    )


def keywords_of(function: Callable[..., Operation[Any]]) -> dict[str, Any]:
    """Hint by name, those of a keyword dictionary too."""
    hints = get_type_hints(function, include_extras=True)
    del hints["return"]
    for one in inspect.signature(function).parameters.values():
        if one.kind is one.VAR_KEYWORD:
            (typed,) = get_args(hints.pop(one.name))
            hints |= get_type_hints(typed)
    return hints


def answer_of(function: Callable[..., Operation[Any]]) -> Any:
    (answer,) = get_args(get_type_hints(function)["return"])
    return answer


def answer_schema(told: Schema) -> Schema | None:
    """Of the success, the same for each of its statuses; None where that has no body in JSON."""
    successes = [answer for status, answer in told["responses"].items() if status.startswith("2")]
    content, *others = [success.get("content", {}).get("application/json") for success in successes]
    assert all(other == content for other in others)
    return content and resolved(content["schema"])


def fields_of(told: Schema) -> dict[str, Schema]:
    """What can be said with a request, in its path, query, headers and body, by the client's keyword for it."""
    fields = {
        KEYWORDS_OF_HEADERS.get(one["name"], one["name"]): one.get("schema")
        or one["content"]["application/json"]["schema"]
        for one in told.get("parameters", ())
    }
    if "requestBody" in told:
        body = resolved(told["requestBody"]["content"]["application/json"]["schema"])
        has_own_fields = isinstance(body.get("additionalProperties"), Mapping)  # an item's attributes
        fields |= {"item": body} if has_own_fields else body["properties"]
    return fields


def resolved(schema: Schema) -> Schema:
    while "$ref" in schema:
        schema = CONTRACT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


class Comparison:
    """Of schemas with type hints; `faults` tells where a hint lacks a field, has one too many, or has another type."""

    def __init__(self, *, answers: bool) -> None:
        self._answers = answers
        self._compared: set[tuple[int, str]] = set()

    def faults(self, schema: Schema, hint: Any, at: str) -> Iterator[str]:
        schema = resolved(schema)
        if (id(schema), str(hint)) in self._compared:  # a filter holds filters
            return
        self._compared.add((id(schema), str(hint)))
        alternatives = schema.get("anyOf") or schema.get("oneOf")
        if alternatives:
            for one in alternatives:
                yield from self._faults_of_one(resolved(one), hint, at)
        else:
            yield from self._faults_of_one(schema, hint, at)

    def _faults_of_one(self, schema: Schema, hint: Any, at: str) -> Iterator[str]:
        """Some member of the hint has to do for it."""
        if "anyOf" in schema or "oneOf" in schema:
            yield from self.faults(schema, hint, at)
            return
        found = [list(self._faults_of_member(schema, member, at)) for member in members(hint)]
        yield from min(found, key=len)

    def _faults_of_member(self, schema: Schema, hint: Any, at: str) -> Iterator[str]:
        if hint is Any or not set(schema) - {"description", "title"}:  # what is told row by row may be anything
            return
        values = schema.get("enum") or ([schema["const"]] if "const" in schema else [])
        if get_origin(hint) is Literal:
            yield from (f"{at}: {value!r} is no value of {hint}" for value in values if value not in get_args(hint))
            if not values:
                yield f"{at}: {hint} is too narrow"
        elif "properties" in schema and is_typeddict(hint):
            yield from self._faults_of_fields(schema, hint, at)
        elif schema.get("type") == "object":
            if get_origin(hint) not in (dict, Mapping):
                yield f"{at}: {hint} is no mapping"
            elif isinstance(schema.get("additionalProperties"), Mapping) and "properties" not in schema:
                yield from self.faults(schema["additionalProperties"], get_args(hint)[1], f"{at}[]")
        elif schema.get("type") == "array":
            if get_origin(hint) not in (list, Sequence):
                yield f"{at}: {hint} is no list"
            else:
                yield from self.faults(schema["items"], get_args(hint)[0], f"{at}[]")
        elif PLAIN[schema["type"]] is not hint and (schema["type"], hint) != ("integer", float):
            yield f"{at}: {schema['type']} is not {hint}"

    def _faults_of_fields(self, schema: Schema, hint: Any, at: str) -> Iterator[str]:
        hints = get_type_hints(hint)
        yield from (f"{at}.{name} is not in the contract" for name in set(hints) - set(schema["properties"]))
        for name, field in schema["properties"].items():
            if name not in hints:
                yield f"{at}.{name} is not in {hint.__name__}"
                continue
            yield from self.faults(field, hints[name], f"{at}.{name}")
            is_required = name in schema.get("required", ())
            if self._answers and is_required != (name in hint.__required_keys__):
                yield f"{at}.{name}: required is {is_required}"


def members(hint: Any) -> list[Any]:
    """Of a union; all literals together are one."""
    found = list(flattened(hint))
    values = tuple(value for one in found if get_origin(one) is Literal for value in get_args(one))
    return [one for one in found if get_origin(one) is not Literal] + ([Literal[values]] if values else [])


def flattened(hint: Any) -> Iterator[Any]:
    if get_origin(hint) in (Union, types.UnionType, Required, NotRequired):
        for one in get_args(hint):
            yield from flattened(one)
    else:
        yield hint
