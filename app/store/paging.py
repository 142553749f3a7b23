"""Pages of stored things. A cursor says after which row the next page begins, not how many rows came before:
what is written between two pages neither repeats a row nor hides one that was there all the time."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import orjson

from models.domain.errors import CursorRefused

Row = TypeVar("Row")

MAX_INTEGER: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows of a longer list."""

    rows: Sequence[Row]
    next_cursor: str | None
    """None at the end."""


def write_cursor(list_name: str, *place: str | int) -> str:
    """Opaque text for the row at `place`."""
    return base64.urlsafe_b64encode(orjson.dumps([list_name, *place])).decode().rstrip("=")


def read_cursor(list_name: str, cursor: str, *kinds: type) -> list[Any]:
    """The place that `write_cursor` was given. Raises CursorRefused for any other text."""
    try:
        found = orjson.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error):
        raise CursorRefused(list_name) from None
    if not isinstance(found, list) or len(found) != len(kinds) + 1 or found[0] != list_name:
        raise CursorRefused(list_name)
    place: list[str | int] = found[1:]
    if any(type(part) is not kind or not _can_be_asked(part) for part, kind in zip(place, kinds, strict=True)):
        raise CursorRefused(list_name)
    return place


def _can_be_asked(part: str | int) -> bool:
    """PostgreSQL refuses larger numbers, and text with the character U+0000."""
    return "\0" not in part if isinstance(part, str) else -MAX_INTEGER <= part <= MAX_INTEGER
