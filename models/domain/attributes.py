"""What kinds of attributes items have, and which comparisons each kind answers."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from models.domain.errors import RuleRefused
from models.domain.filter import Comparison, Filter, Op, Path, Scalar, comparisons

Kind = Literal["text", "category", "number", "flag", "time", "texts"]
Kinds: TypeAlias = Mapping[str, Kind]
"""Field of the catalogue → its kind."""

_EQUALITY: Final[frozenset[Op]] = frozenset({"eq", "ne", "in", "nin", "exists"})
_ORDER: Final[frozenset[Op]] = frozenset({"lt", "lte", "gt", "gte"})
OPS_OF: Final[Mapping[Kind, frozenset[Op]]] = MappingProxyType(
    {
        "text": _EQUALITY | {"contains"},
        "category": _EQUALITY | {"contains"},
        "number": _EQUALITY | _ORDER,
        "flag": _EQUALITY,
        "time": _EQUALITY | _ORDER,
        "texts": frozenset({"contains", "exists"}),
    }
)
WANTED: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        "text": "a string",
        "category": "a string",
        "number": "a number",
        "flag": "true or false",
        "time": "a date, or a date and time with zone, such as 2026-11-24T03:00:00Z",
        "texts": "a string",
    }
)
SHOP_WINDOW: Final = (
    *("title", "description", "category", "brand", "price", "currency", "in_stock"),
    *("image", "image_url", "url"),
)
"""Attributes that every page of a shop shows."""
_MAX_NAMES_TOLD: Final = 30


def check_filter(asked: Filter, kinds: Kinds, at: Path = ("filter",)) -> None:
    """Raises RuleRefused, with the path to the part, where a catalogue of these kinds cannot answer the filter."""
    for path, comparison in comparisons(asked, at):
        check_comparison(comparison, kinds, path)


def check_comparison(asked: Comparison, kinds: Kinds, at: Path) -> None:
    """The same for one comparison."""
    kind = kind_of(asked.field, kinds, (*at, "field"))
    if asked.op not in OPS_OF[kind]:
        known = ", ".join(sorted(OPS_OF[kind]))
        raise RuleRefused((*at, "op"), f"{asked.field!r} is {_called(kind)}, which knows {known}, not {asked.op}")
    if asked.op == "exists":
        return
    if not isinstance(asked.value, tuple):
        _check_value(asked.value, asked.field, kind, (*at, "value"))
        return
    for number, value in enumerate(asked.value):
        _check_value(value, asked.field, kind, (*at, "value", number))


def kind_of(field: str, kinds: Kinds, at: Path) -> Kind:
    """The kind of a field; raises RuleRefused that tells the known ones."""
    if field not in kinds:
        raise unknown_attribute(field, kinds, at)
    return kinds[field]


def unknown_attribute(field: str, known: Iterable[str], at: Path) -> RuleRefused:
    """What is raised for a field that is none of the known ones; it tells those."""
    names = sorted(known)
    told = ", ".join(names[:_MAX_NAMES_TOLD]) + (", …" if len(names) > _MAX_NAMES_TOLD else "")
    return RuleRefused(at, f"{field[:128]!r} is no attribute of this catalogue; known: {told or 'none'}")


def as_instant(text: str) -> datetime | None:
    """The moment that ISO 8601 text names, in UTC; a date alone is its first moment. None where it names none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        # a time without zone could be any of 27 moments; a date is meant as the shop's calendar has it
        return moment.replace(tzinfo=UTC) if "T" not in text and ":" not in text else None
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return None


def _check_value(value: Scalar, field: str, kind: Kind, at: Path) -> None:
    match kind:
        case "number":
            fits = isinstance(value, int | float) and not isinstance(value, bool)
        case "flag":
            fits = isinstance(value, bool)
        case "time":
            fits = isinstance(value, str) and as_instant(value) is not None
        case _:
            fits = isinstance(value, str)
    if not fits:
        raise RuleRefused(at, f"{str(value)[:80]!r} is not what {field!r} is compared with: {WANTED[kind]}")


def _called(kind: Kind) -> str:
    return {"texts": "a list of strings", "flag": "true or false", "category": "a category path"}.get(kind, f"a {kind}")
