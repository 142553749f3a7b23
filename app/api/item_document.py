"""An item as a shop sends it: its id, and any attributes beside it."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import GetJsonSchemaHandler, RootModel
from pydantic.json_schema import JsonSchemaValue

from app.api.fields import pointer
from app.api.parts import usable
from app.api.problem import FieldProblem
from app.runtime.field_check import FieldCheck
from models.domain.attributes import Kind
from models.domain.errors import DocumentRefused
from models.domain.recommendation import MAX_ID_CHARACTERS
from models.recommend.live.documents import MAX_NAME_CHARACTERS, MAX_NUMBER, NAMED_KINDS

MAX_FIELDS: Final = 200
MAX_TEXT_CHARACTERS: Final = 32_768
MAX_TEXTS: Final = 1000
"""Of one list of strings."""

_TEXT: Final = {"type": "string", "maxLength": MAX_TEXT_CHARACTERS}
_NUMBER: Final = {"type": "number", "minimum": -MAX_NUMBER, "maximum": MAX_NUMBER}
_TEXTS: Final = {"type": "array", "items": _TEXT, "maxItems": MAX_TEXTS}
_SCHEMA_OF: Final[Mapping[Kind, dict[str, Any]]] = {
    "text": _TEXT,
    "category": {**_TEXT, "description": "A path, its steps joined by ` > `."},
    "number": _NUMBER,
    "flag": {"type": "boolean"},
    "time": {"type": "string", "format": "date-time", "description": "ISO 8601 with zone."},
    "texts": _TEXTS,
}
_NULL: Final = {"type": "null"}


class ItemBody(RootModel[dict[str, Any]]):
    """The attributes of an item. Null is none; an `item_id`, where there is one, is that of the path."""

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """What the fields with a meaning hold, and what others may."""
        return {**_fields_schema(), "description": cls.__doc__, "title": cls.__name__}


class ItemDocument(RootModel[dict[str, Any]]):
    """An item: its id and its attributes."""

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """As above, with the id."""
        described = {**_fields_schema(), "description": cls.__doc__, "title": cls.__name__}
        return {**described, "required": ["item_id"]}


class ListingDocument(RootModel[dict[str, Any]]):
    """An item as it is, or would be, listed: any attributes, and an `item_id` where it has one."""

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """As above."""
        return {**_fields_schema(), "description": cls.__doc__, "title": cls.__name__}


def id_problem(value: object) -> str | None:
    """What is wrong with an item's id in a body."""
    if not isinstance(value, str):
        return "is required" if value is None else "must be a string"
    if not 1 <= len(value) <= MAX_ID_CHARACTERS:
        return f"has {len(value)} characters, the limit is {MAX_ID_CHARACTERS}" if value else "is empty"
    try:
        usable(value)
    except ValueError as error:
        return str(error)
    return None


def attribute_problems(item_id: str, fields: Mapping[str, Any], check: FieldCheck) -> list[FieldProblem]:
    """What is wrong with an item's attributes; `check` learns new ones where nothing is."""
    if len(fields) > MAX_FIELDS:
        return [FieldProblem(pointer="", detail=f"has {len(fields)} fields, the limit is {MAX_FIELDS}")]
    told = ((name, _limit_passed(name, value)) for name, value in fields.items())
    problems = [FieldProblem(pointer=pointer([name]), detail=detail) for name, detail in told if detail]
    if not problems:
        try:
            check.take(item_id, fields)
        except DocumentRefused as refused:
            problems.append(FieldProblem(pointer=pointer([refused.field]), detail=refused.reason))
    return problems


def _limit_passed(name: str, value: object) -> str | None:
    if "\0" in name:
        return "has the character U+0000 in its name"
    match value:
        case str():
            return _text_problem(value)
        case list():
            if len(value) > MAX_TEXTS:
                return f"has {len(value)} entries, the limit is {MAX_TEXTS}"
            return next(filter(None, (_text_problem(each) for each in value if isinstance(each, str))), None)
        case _:
            return None


def _text_problem(text: str) -> str | None:
    if len(text) > MAX_TEXT_CHARACTERS:
        return f"has {len(text)} characters, the limit is {MAX_TEXT_CHARACTERS}"
    return "holds the character U+0000" if "\0" in text else None


def _fields_schema() -> dict[str, Any]:
    named = {name: {"anyOf": [_SCHEMA_OF[kind], _NULL]} for name, kind in NAMED_KINDS.items()}
    named["price"] = {"anyOf": [{**_NUMBER, "minimum": 0}, _NULL]}
    return {
        "type": "object",
        "properties": {"item_id": {"type": "string", "minLength": 1, "maxLength": MAX_ID_CHARACTERS}, **named},
        "additionalProperties": {
            "anyOf": [_TEXT, _NUMBER, {"type": "boolean"}, _TEXTS, _NULL],
            "description": "An attribute of the shop's own. It holds what the first item says.",
        },
        "propertyNames": {"minLength": 1, "maxLength": MAX_NAME_CHARACTERS},
        "maxProperties": MAX_FIELDS,
    }
