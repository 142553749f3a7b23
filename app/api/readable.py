"""Attributes of the catalogue that a question names: whoever may not read one learns no more of it than of one that is
not there. A filter, a boost or a limit that asks about an attribute tells it as well as returning it does."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from app.api import MAX_ERRORS
from app.api.asking import Asking
from app.api.fields import refused, rule_problem
from app.api.problem import FieldProblem
from models.domain.attributes import unknown_attribute
from models.domain.errors import UnknownName
from models.domain.filter import Filter, Path, comparisons
from models.domain.recommendation import MAX_ID_CHARACTERS
from models.domain.rules import NO_LIMITS, Boost

ITEM_ID: Final = "item_id"
"""Every answer tells it."""


def refuse_unknown_properties(asking: Asking, names: Sequence[str], at: str = "/return_properties") -> None:
    """Raises the 422 for columns that the catalogue does not have for this caller."""
    known = _readable_properties(asking)
    problems = [
        FieldProblem(pointer=f"{at}/{place}", detail=str(UnknownName("property", name[:MAX_ID_CHARACTERS], known)))
        for place, name in enumerate(names)
        if name not in known
    ]
    if problems:
        raise refused(problems[:MAX_ERRORS], num_found=len(problems))


def refuse_unreadable_rules(
    asking: Asking,
    asked: Filter | None,
    boosts: Sequence[Boost] = (),
    max_per: Mapping[str, int] = NO_LIMITS,
    *,
    at: str | None = None,
) -> None:
    """Raises the 422 for attributes that this caller may not read; whoever may read all is refused by the model.

    `at` says where the rules are if not in a body.
    """
    if asking.attributes is None:
        return
    known = {ITEM_ID, *_readable_properties(asking)}
    problems = [
        rule_problem(unknown_attribute(field, known, path), at=at)
        for path, field in _named(asked, boosts, max_per)
        if field not in known
    ]
    if problems:
        raise refused(problems[:MAX_ERRORS], num_found=len(problems))


def _readable_properties(asking: Asking) -> list[str]:
    names = asking.loaded.model.property_names
    return [name for name in names if asking.attributes is None or name in asking.attributes]


def _named(asked: Filter | None, boosts: Sequence[Boost], max_per: Mapping[str, int]) -> Iterator[tuple[Path, str]]:
    """Where rules name attributes, and which."""
    for path, comparison in comparisons(asked, ("filter",)) if asked else ():
        yield (*path, "field"), comparison.field
    for number, boost in enumerate(boosts):
        yield ("boosts", number, "field"), boost.comparison.field
    for field in max_per:
        yield ("max_per", field), field
