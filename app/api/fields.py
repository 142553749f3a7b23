"""Validation problems in words that name field, value and limit, without echoing what is huge."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from app.api import MAX_ERRORS
from app.api.problem import FieldProblem, RequestError

MAX_SHOWN_CHARACTERS = 80
KINDS = {
    "int_type": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "a string",
    "list_type": "an array",
    "model_type": "an object",
    "datetime_type": "a date and time with zone, such as 2026-11-24T03:00:00Z",
    "datetime_parsing": "a date and time with zone, such as 2026-11-24T03:00:00Z",
    "datetime_from_date_parsing": "a date and time with zone, such as 2026-11-24T03:00:00Z",
    "timezone_aware": "a date and time with zone, such as 2026-11-24T03:00:00Z",
}
LIMITS: Mapping[str, Callable[[Mapping[str, Any], Any], str]] = {
    "less_than_equal": lambda limit, value: f"{shown(value)} is more than the most allowed, {limit['le']}",
    "greater_than_equal": lambda limit, value: f"{shown(value)} is less than the least allowed, {limit['ge']}",
    "string_too_long": lambda limit, value: f"has {len(value)} characters, the limit is {limit['max_length']}",
    "string_too_short": lambda limit, value: f"has {len(value)} characters, the least is {limit['min_length']}",
    "too_long": lambda limit, value: f"has {len(value)} entries, the limit is {limit['max_length']}",
    "literal_error": lambda limit, value: f"{shown(value)} is none of {limit['expected']}",
    "value_error": lambda limit, _: str(limit["error"]),
    "missing": lambda _limit, _value: "is required",
    "extra_forbidden": lambda _limit, _value: "is not a known field",
}


def refuse_fields(error: ValidationError) -> RequestError:
    """The 422 for a body that is JSON, but not as agreed."""
    found = error.errors(include_url=False)
    return refused([_field_problem(detail) for detail in found[:MAX_ERRORS]], num_found=len(found))


def refused(problems: Sequence[FieldProblem], *, num_found: int | None = None) -> RequestError:
    """The 422 that lists these problems; `num_found` counts those beyond the list too."""
    told = "; ".join(f"{_dotted(problem.pointer)} {problem.detail}".strip() for problem in problems)
    unlisted = (num_found or 0) - len(problems)
    return RequestError(422, f"{told}; and {unlisted} more" if unlisted > 0 else told, errors=problems)


def pointer(location: Sequence[int | str]) -> str:
    """RFC 6901 pointer, long names cut."""
    return "".join("/" + _cut(str(part)).replace("~", "~0").replace("/", "~1") for part in location)


def shown(value: object) -> str:
    """A value as short text; containers only by their kind."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case dict():
            return "an object"
        case list():
            return "an array"
        case str():
            return f'"{_cut(value)}"'
        case _:
            return _cut(str(value))


def _field_problem(detail: ErrorDetails) -> FieldProblem:
    kind, value = detail["type"], detail["input"]
    if kind in LIMITS:
        words = LIMITS[kind](detail.get("ctx", {}), value)
    elif kind in KINDS:
        words = f"must be {KINDS[kind]}, got {shown(value)}"
    else:
        words = f"{detail['msg']}, got {shown(value)}"
    return FieldProblem(pointer=pointer(detail["loc"]), detail=words)


def _dotted(path: str) -> str:
    """`/history/3/item_id` as people write it: history[3].item_id."""
    if path.startswith("header:"):
        return path.removeprefix("header:")
    parts = [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]
    return "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in parts).lstrip(".") or "the body"


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SHOWN_CHARACTERS else text[: MAX_SHOWN_CHARACTERS - 1] + "…"
