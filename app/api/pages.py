"""Pages of one list, which is frozen when it is made: it is kept as it was, and every page is cut from that.

A cursor names the list and a place in it. It is worth nothing by itself: the key has to be the one that asked first,
and the body the same. So it needs no signature, and any process on the same database understands it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from app.api.asking import Asking
from app.api.fields import refused
from app.api.list_request import ListBody
from app.api.problem import FieldProblem, RequestError
from app.api.served import KEPT, Kept, find_kept
from app.store.paging import read_cursor, write_cursor
from models.domain.errors import CursorRefused
from models.domain.recommendation import MAX_FROZEN, RecommendedItem

CURSOR_OF: Final = "this list"


@dataclass(frozen=True, slots=True)
class LaterPage:
    """A page other than the first."""

    kept: Kept
    start: int
    """Places of the list that come before it."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Part of a list."""

    ranked: Sequence[tuple[int, RecommendedItem]]
    """Rank and item."""
    next_start: int | None
    """Where the next page begins; None where there is none."""


async def later_page(asking: Asking, cursor: str | None, digest: str) -> LaterPage | None:
    """The page that the cursor names; None without a cursor. Raises the 422 for one that this body cannot have.

    `digest`: the body's, see `body_digest`.
    """
    if cursor is None:
        return None
    try:
        recommendation_id, start = read_cursor(CURSOR_OF, cursor, str, int)
    except CursorRefused as refusal:
        raise _refused(str(refusal)) from None
    kept = await find_kept(asking, recommendation_id)
    if kept is None or kept.body_digest is None or not 0 < start < MAX_FROZEN:
        minutes = int(KEPT.total_seconds() / 60)
        raise _refused(f"is of no list of this key's last {minutes} minutes; leave it out to begin anew")
    if kept.body_digest != digest:
        raise _refused("is of a list that another body asked for; send the same one with each page")
    return LaterPage(kept, start)


def first_page(items: Sequence[RecommendedItem], size: int) -> Cut:
    """Of a list that was just made."""
    return Cut(list(enumerate(items[:size], 1)), size if len(items) > size else None)


def next_page(page: LaterPage, rows: Sequence[int | None], size: int) -> Cut:
    """Of a list that was kept; `rows`: of each of its items from the page's start on, None if it may not be listed now.

    What may not be listed any more is passed over, and every other item keeps its rank.
    """
    ranked: list[tuple[int, RecommendedItem]] = []
    place = page.start
    for place, (item, row) in enumerate(zip(page.kept.served.items[page.start :], rows, strict=True), page.start):
        if row is None:
            continue
        if len(ranked) == size:
            return Cut(ranked, place)
        ranked.append((place + 1, RecommendedItem(item["item_id"], row, item["score"])))
    return Cut(ranked, None)


def cursor_at(recommendation_id: str, start: int) -> str:
    """For the page that begins there."""
    return write_cursor(CURSOR_OF, recommendation_id, start)


def body_digest(body: ListBody) -> str:
    """The same for bodies that ask for the same list; of a shopper who wants nothing personal, without the shopper."""
    left_out = {"page", "validate_only", *(() if body.user.personalise else ("user", "history"))}
    said: dict[str, Any] = body.model_dump(mode="json", exclude=left_out, exclude_defaults=True)
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _refused(detail: str) -> RequestError:
    return refused([FieldProblem(pointer="/page/cursor", detail=detail)])
