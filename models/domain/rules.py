"""What moves and thins out a list: boosts and limits, as JSON and as values."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan
from types import MappingProxyType
from typing import Final

from models.domain.errors import RuleRefused
from models.domain.filter import Comparison, Path, parse_comparison

MAX_BOOSTS: Final = 20
MIN_WEIGHT: Final = 0.01
MAX_WEIGHT: Final = 100.0
MAX_LIMITED_FIELDS: Final = 5
MAX_PER_VALUE: Final = 500
"""Length of the longest list, `MAX_FROZEN`: a higher limit would limit nothing."""
MAX_SHOWN_DIGITS: Final = 20
NO_LIMITS: Final[Mapping[str, int]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Boost:
    """The score of what fits is multiplied by the weight."""

    comparison: Comparison
    weight: float


def parse_boosts(document: object, at: Path = ("boosts",)) -> tuple[Boost, ...]:
    """The boosts that a JSON array says; raises RuleRefused with the path to the part where it says none."""
    if not isinstance(document, list):
        raise RuleRefused(at, "must be an array")
    if len(document) > MAX_BOOSTS:
        raise RuleRefused(at, f"has {len(document)} entries, the limit is {MAX_BOOSTS}")
    return tuple(_parse_boost(each, (*at, number)) for number, each in enumerate(document))


def parse_max_per(document: object, at: Path = ("max_per",)) -> Mapping[str, int]:
    """Field → most items of one value, from a JSON object; raises RuleRefused."""
    if not isinstance(document, Mapping):
        raise RuleRefused(at, "must be an object of field and most items per value")
    if len(document) > MAX_LIMITED_FIELDS:
        raise RuleRefused(at, f"names {len(document)} fields, the limit is {MAX_LIMITED_FIELDS}")
    for field, most in document.items():
        if isinstance(most, bool) or not isinstance(most, int) or not 1 <= most <= MAX_PER_VALUE:
            raise RuleRefused((*at, field), f"must be an integer from 1 to {MAX_PER_VALUE}")
    return MappingProxyType(dict(document))


def _parse_boost(document: object, at: Path) -> Boost:
    if not isinstance(document, Mapping):
        raise RuleRefused(at, "must be an object with field, op, value and weight")
    if "weight" not in document:
        raise RuleRefused((*at, "weight"), "is required")
    weight = document["weight"]
    if isinstance(weight, bool) or not isinstance(weight, int | float) or _is_nan(weight):
        raise RuleRefused((*at, "weight"), "must be a finite number")
    if not MIN_WEIGHT <= weight <= MAX_WEIGHT:  # an integer may be too large to become a float
        raise RuleRefused((*at, "weight"), f"must be between {MIN_WEIGHT} and {MAX_WEIGHT:g}, got {_shown(weight)}")
    rest = {name: value for name, value in document.items() if name != "weight"}
    return Boost(parse_comparison(rest, at), float(weight))


def _is_nan(number: float) -> bool:
    return isinstance(number, float) and isnan(number)


def _shown(number: float) -> str:
    written = str(number) if isinstance(number, int) else f"{number:g}"
    return written if len(written) <= MAX_SHOWN_DIGITS else written[: MAX_SHOWN_DIGITS - 1] + "…"
