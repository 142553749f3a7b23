"""Validation problems in words that name field, value and limit, without echoing what is huge."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from app.api import MAX_ERRORS
from app.api.problem import FieldProblem, RequestError
from app.api.rules import RULE_REFUSED
from models.domain.errors import RuleRefused

MAX_SHOWN_CHARACTERS = 80
ELSEWHERE = ("header", "path", "query")
"""Where a request says something besides its body."""
KINDS = {
    "int_type": "an integer",
    "int_from_float": "an integer",
    "int_parsing": "an integer",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "a string",
    "list_type": "an array",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "dict_type": "an object",
    "datetime_type": "a date and time with zone, such as 2026-11-24T03:00:00Z",
    "datetime_parsing": "a date and time with zone, such as 2026-11-24T03:00:00Z",
    "datetime_from_date_parsing": "a date and time with zone, such as 2026-11-24T03:00:00Z",
    "timezone_aware": "a date and time with zone, such as 2026-11-24T03:00:00Z",
}
LIMITS: Mapping[str, Callable[[Mapping[str, Any], Any], str]] = {
    "less_than_equal": lambda limit, value: f"{shown(value)} is more than the most allowed, {_bound(limit['le'])}",
    "greater_than": lambda limit, value: f"{shown(value)} is not more than {_bound(limit['gt'])}",
    "greater_than_equal": lambda limit, value: f"{shown(value)} is less than the least allowed, {_bound(limit['ge'])}",
    "string_too_long": lambda limit, value: f"has {len(value)} characters, the limit is {limit['max_length']}",
    "string_too_short": lambda limit, value: f"has {len(value)} characters, the least is {limit['min_length']}",
    "string_pattern_mismatch": lambda limit, value: f"{shown(value)} is not of the form {limit['pattern']}",
    "too_long": lambda limit, value: f"has {len(value)} entries, the limit is {limit['max_length']}",
    "too_short": lambda limit, value: f"has {len(value)} entries, the least is {limit['min_length']}",
    "literal_error": lambda limit, value: f"{shown(value)} is none of {limit['expected']}",
    "value_error": lambda limit, _: str(limit["error"]),
    "missing": lambda _limit, _value: "is required",
    "extra_forbidden": lambda _limit, _value: "is not a known field",
}


def refuse_fields(error: ValidationError, *, at: str | None = None, whole: str = "the body") -> RequestError:
    """The 422 for a body that is JSON, but not as agreed; `at` says where its fields are if not in a body."""
    return refused(field_problems(error, at=at), num_found=error.error_count(), whole=whole)


def field_problems(error: ValidationError, *, most: int = MAX_ERRORS, at: str | None = None) -> list[FieldProblem]:
    """The first problems, in words."""
    return [_field_problem(detail, at) for detail in error.errors(include_url=False)[:most]]


def refused(problems: Sequence[FieldProblem], *, num_found: int | None = None, whole: str = "the body") -> RequestError:
    """The 422 that lists these problems; `num_found` counts those beyond the list too."""
    return RequestError(422, told_together(problems, num_found=num_found, whole=whole), errors=problems)


def rule_problem(refusal: RuleRefused, *, at: str | None = None) -> FieldProblem:
    """What is wrong with a part of a rule; `at` says where the rule is if not in a body."""
    return FieldProblem(pointer=_place(refusal.path, at), detail=refusal.reason)


def told_together(problems: Sequence[FieldProblem], *, num_found: int | None = None, whole: str = "the body") -> str:
    """The problems as one sentence; `whole`: what has the fields."""
    told = "; ".join(f"{_dotted(problem.pointer) or whole} {problem.detail}" for problem in problems)
    unlisted = (num_found or 0) - len(problems)
    return f"{told}; and {unlisted} more" if unlisted > 0 else told


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


def _field_problem(detail: ErrorDetails, at: str | None) -> FieldProblem:
    kind, value, location = detail["type"], detail["input"], detail["loc"]
    if kind == RULE_REFUSED:
        words, location = str(detail["ctx"]["reason"]), (*location, *detail["ctx"]["path"])
    elif kind in LIMITS:
        words = LIMITS[kind](detail.get("ctx", {}), value)
    elif kind in KINDS:
        words = f"must be {KINDS[kind]}, got {shown(value)}"
    else:
        words = f"{detail['msg']}, got {shown(value)}"
    return FieldProblem(pointer=_place(location, at), detail=words)


def _place(location: Sequence[int | str], at: str | None) -> str:
    place = pointer(location)
    return place if at is None else at + place.removeprefix("/")


def _dotted(path: str) -> str:
    """`/history/3/item_id` as people write it: history[3].item_id."""
    kind, _, name = path.partition(":")
    if kind in ELSEWHERE:
        return name
    parts = [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]
    return "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in parts).lstrip(".")


def _bound(limit: float) -> float | int:
    """As the contract writes it: 1, not 1.0."""
    return int(limit) if limit == int(limit) else limit


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SHOWN_CHARACTERS else text[: MAX_SHOWN_CHARACTERS - 1] + "…"
