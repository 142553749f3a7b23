"""Which items may be listed: the filter language, as JSON and as values that can be compared and cached."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final, Literal, TypeAlias, get_args

from models.domain.errors import RuleRefused

MAX_DEPTH: Final = 5
"""Levels: a comparison alone is one, each `all`, `any` or `not` around it is one more."""
MAX_CLAUSES: Final = 50
MAX_VALUES: Final = 1_000
"""Of one `in` or `nin`."""
MAX_VALUE_CHARACTERS: Final = 512
MAX_INTEGER: Final = 2**63 - 1

Op = Literal["eq", "ne", "in", "nin", "lt", "lte", "gt", "gte", "exists", "contains"]
OPS: Final[tuple[Op, ...]] = get_args(Op)
GROUPS: Final = ("all", "any", "not")
Scalar: TypeAlias = str | bool | int | float
Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One attribute against a value; `in` and `nin` hold several."""

    field: str
    op: Op
    value: Scalar | tuple[Scalar, ...]

    def __hash__(self) -> int:
        # 1, 1.0 and True are equal to Python, and are different questions
        return hash((self.field, self.op, _typed(self.value)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Comparison):
            return NotImplemented
        same = (self.field, self.op) == (other.field, other.op)
        return same and _typed(self.value) == _typed(other.value)


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every one of them holds."""

    parts: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of them holds."""

    parts: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """It does not hold."""

    part: "Filter"


Filter: TypeAlias = Comparison | AllOf | AnyOf | Not


def parse_filter(document: object, at: Path = ("filter",)) -> Filter:
    """The filter that a JSON value says; raises RuleRefused, with the path to the part, where it says none.

    Fields and types are compared with a catalogue later (`models.domain.attributes.check_filter`).
    """
    found = _parse(document, at, depth=1)
    num_clauses = sum(1 for _ in comparisons(found))
    if num_clauses > MAX_CLAUSES:
        raise RuleRefused(at, f"has {num_clauses} clauses, the limit is {MAX_CLAUSES}")
    return found


def parse_comparison(document: object, at: Path) -> Comparison:
    """One comparison, without groups."""
    if not isinstance(document, Mapping):
        raise RuleRefused(at, "must be an object with field, op and value")
    for name in ("field", "op", "value"):
        if name not in document:
            raise RuleRefused((*at, name), "is required")
    for name in document:
        if name not in ("field", "op", "value"):
            raise RuleRefused((*at, str(name)[:MAX_VALUE_CHARACTERS]), "is not a known field")
    field, op = document["field"], document["op"]
    if not isinstance(field, str) or not field or len(field) > MAX_VALUE_CHARACTERS:
        raise RuleRefused((*at, "field"), f"must be a name of 1 to {MAX_VALUE_CHARACTERS} characters")
    if op not in OPS:
        raise RuleRefused((*at, "op"), f"must be one of {', '.join(OPS)}")
    return Comparison(field, op, _parse_value(document["value"], op, (*at, "value")))


def comparisons(part: Filter, at: Path = ()) -> Iterator[tuple[Path, Comparison]]:
    """Every comparison of a filter, with its path in the JSON that it was read from."""
    match part:
        case Comparison():
            yield at, part
        case Not():
            yield from comparisons(part.part, (*at, "not"))
        case AllOf() | AnyOf():
            name = "all" if isinstance(part, AllOf) else "any"
            for number, each in enumerate(part.parts):
                yield from comparisons(each, (*at, name, number))


def _parse(document: object, at: Path, depth: int) -> Filter:
    if depth > MAX_DEPTH:
        raise RuleRefused(at, f"lies deeper than {MAX_DEPTH} levels")
    if not isinstance(document, Mapping):
        raise RuleRefused(at, "must be an object: a comparison, or one of all, any, not")
    groups = [name for name in GROUPS if name in document]
    if not groups:
        return parse_comparison(document, at)
    if len(document) > 1:
        raise RuleRefused(at, f"{groups[0]} must stand alone in its object")
    (name,) = groups
    inner, below = document[name], (*at, name)
    if name == "not":
        return Not(_parse(inner, below, depth + 1))
    if not isinstance(inner, list) or not inner:
        raise RuleRefused(below, "must be an array of at least one filter")
    if len(inner) > MAX_CLAUSES:
        raise RuleRefused(below, f"has {len(inner)} clauses, the limit is {MAX_CLAUSES}")
    parts = tuple(_parse(each, (*below, number), depth + 1) for number, each in enumerate(inner))
    return AllOf(parts) if name == "all" else AnyOf(parts)


def _parse_value(value: Any, op: Op, at: Path) -> Scalar | tuple[Scalar, ...]:
    if op in ("in", "nin"):
        if not isinstance(value, list) or not 0 < len(value) <= MAX_VALUES:
            raise RuleRefused(at, f"must be an array of 1 to {MAX_VALUES:,} values for {op}")
        return tuple(_scalar(each, (*at, number)) for number, each in enumerate(value))
    if op == "exists" and not isinstance(value, bool):
        raise RuleRefused(at, "must be true or false for exists")
    return _scalar(value, at)


def _scalar(value: Any, at: Path) -> Scalar:
    match value:
        case bool():
            return value
        case int() if abs(value) <= MAX_INTEGER:
            return value
        case float() if isfinite(value):
            return value
        case str() if len(value) <= MAX_VALUE_CHARACTERS:
            return value
        case int() | float():
            raise RuleRefused(at, f"must be finite and at most {MAX_INTEGER} in size")
        case str():
            raise RuleRefused(at, f"has {len(value)} characters, the limit is {MAX_VALUE_CHARACTERS}")
        case None:
            raise RuleRefused(at, "must not be null: ask with exists whether there is a value")
        case _:
            raise RuleRefused(at, "must be a string, a number, true or false")


def _typed(value: Scalar | tuple[Scalar, ...]) -> object:
    if isinstance(value, tuple):
        return tuple(_typed(each) for each in value)
    return type(value), value
