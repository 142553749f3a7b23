"""What schemathesis checks of every answer beside its own checks."""

import re
from typing import Any, Final
from zlib import crc32

import schemathesis

from models.domain.ids import is_usable_id
from models.domain.recommendation import MAX_ID_CHARACTERS
from tests.tiny_shop import GROUPS

BEYOND_SCHEMAS: Final = (
    "needs history or user.user_id or user.session_id",
    "has both k and page",
    "unknown property",
    "is no attribute of this catalogue",
    "holds no word",
    "holds only spaces",
    "holds a character that is not printable",
    "the cursor is none that a page of",
    "is of no list of this key",
    "belongs to a request with another body",
    "clauses, the limit is",
    "must be a string, a number, true or false",
    "must be true or false for exists",
    "must be an array of 1 to",
    "is not what",
    ", which knows",
    "it cannot be limited",
    "is not the id of the path",
    "holds the character U+0000",
    "has the character U+0000 in its name",
    "would be one more attribute than the limit",
    "events in this shop, the limit is",
    "is of a kind that cannot be changed",
    # what an attribute holds is learned from the first item that has it
    "holds text, not",
    "holds finite numbers of at most 2^63, not",
    "holds true or false, not",
    "holds times, ISO 8601 with zone, not",
    "holds lists of strings, not",
    "belongs into the document",
    "must be an integer",  # JSON Schema takes 4.0 for one
    "lies deeper than",
    "unknown category",
    "unknown colour",
    "unknown picture size",
    "no nearer to any product of the picture model",
    "where image/png is asked for",
    "needs either filter or histories",
    "of the segment's histories have an event on an item of the catalogue",
    "shoppers have an event on an item",
    "is true of no item of the catalogue",
)
"""Reasons why something that fits its schema may be refused."""
ASKING: Final = ("/v1/recommendations", "/v1/recommendations:batch", "/v1/search", "/v1/events")
"""What names items and changes none."""
ITEM_IDS: Final = [f"{group}-{number}" for group in GROUPS for number in range(20)]
INVENTED: Final = 4
"""One usable id of so many stays as it was made up."""


@schemathesis.hook
def before_call(ctx: schemathesis.HookContext, case: schemathesis.Case, **kwargs: Any) -> None:
    """Made-up ids are nobody's, and then no arithmetic is reached: most of them become those of the tiny shop."""
    if case.operation.path in ASKING:
        case.body = with_real_items(case.body)


def with_real_items(value: Any, name: str = "") -> Any:
    """The same JSON. Ids that are refused stay, so that what breaks a rule goes on breaking it."""
    match value:
        case dict():
            return {key: with_real_items(inner, key) for key, inner in value.items()}
        case list():
            return [with_real_items(inner, name) for inner in value]
        case str() if name in ("item_id", "item_ids") and is_usable_id(value) and 0 < len(value) <= MAX_ID_CHARACTERS:
            number = crc32(value.encode())
            return ITEM_IDS[number % len(ITEM_IDS)] if number % INVENTED else value
        case _:
            return value


@schemathesis.check
def refusals_of_what_fits_the_schema_have_a_reason(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case
) -> None:
    if response.status_code != 422 or case.meta is None or not case.meta.generation.mode.is_positive:
        return
    told = response.json()
    unexplained = [
        problem["detail"]
        for problem in told["errors"] or [told]
        if not any(re.search(re.escape(reason), problem["detail"]) for reason in BEYOND_SCHEMAS)
    ]
    assert not unexplained, f"fits its schema and is refused: {unexplained}"
