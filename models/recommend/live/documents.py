"""Items as the shop sends them, and whether each value can be what its field holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from models.domain.attributes import Kind, Kinds, as_instant
from models.domain.errors import DocumentRefused

MAX_NAME_CHARACTERS: Final = 128
MAX_NUMBER: Final = 2**63 - 1
NAMED_KINDS: Final[Kinds] = MappingProxyType(
    {
        "title": "text",
        "description": "text",
        "category": "category",
        "brand": "text",
        "image": "text",
        "group_id": "text",
        "price": "number",
        "in_stock": "flag",
        "created_at": "time",
    }
)
"""Of the fields that have a meaning here, whether the catalogue has them yet or not."""
_HELD: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        "text": "holds text",
        "category": "holds text",
        "number": "holds finite numbers of at most 2^63",
        "flag": "holds true or false",
        "time": "holds times, ISO 8601 with zone",
        "texts": "holds lists of strings",
    }
)


@dataclass(frozen=True, slots=True)
class ItemDocument:
    """One item as it is from now on."""

    item_id: str
    fields: Mapping[str, Any]
    """Attribute → JSON value; null and an empty text mean that there is none."""
    merges: bool = False
    """True: only these fields change. False: the item has these fields and no others."""
    is_deleted: bool = False
    """True: never listed any more; histories still read it."""


def check_document(document: ItemDocument, kinds: Kinds) -> None:
    """Raises DocumentRefused for the first value that a catalogue of these kinds cannot take."""
    for name, value in document.fields.items():
        kind_of_value(document.item_id, name, value, kinds.get(name) or NAMED_KINDS.get(name))


def kind_of_value(item_id: str, name: str, value: Any, kind: Kind | None) -> Kind | None:
    """The kind of the field: the one it has, or for a new field what the value says; None where it says nothing.

    Raises DocumentRefused where the value is of another kind, or of none.
    """
    if name == "item_id" or not 0 < len(name) <= MAX_NAME_CHARACTERS:
        raise DocumentRefused(item_id, name, "is no name for an attribute")
    if value is None:
        return kind
    found = kind or _kind_by(value)
    if found is None:
        raise DocumentRefused(item_id, name, "is neither text, number, true or false, nor a list of strings")
    if not _fits(value, found):
        raise DocumentRefused(item_id, name, f"{_HELD[found]}, not {str(value)[:80]!r}")
    if name == "price" and value < 0:
        raise DocumentRefused(item_id, name, f"is {str(value)[:80]}, the least is 0")
    return found


def _kind_by(value: Any) -> Kind | None:
    match value:
        case bool():
            return "flag"
        case int() | float():
            return "number"
        case str():
            return "text"
        case list():
            return "texts"
        case _:
            return None


def _fits(value: Any, kind: Kind) -> bool:
    match kind:
        case "number":
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            return is_number and -MAX_NUMBER <= value <= MAX_NUMBER
        case "flag":
            return isinstance(value, bool)
        case "time":
            return isinstance(value, str) and as_instant(value) is not None
        case "texts":
            return isinstance(value, list) and all(isinstance(each, str) for each in value)
        case _:
            return isinstance(value, str)
