"""Whether a stored document holds a shopper's id: as a text in it, never as a number or as the name of a field."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final
from urllib.parse import quote

import orjson

JSON_BEGINS_WITH: Final = ("{", "[", '"')
FIELDS_OF_ITEMS: Final = frozenset({"item_id", "histories", "png_base64"})
"""What stands in these is no shopper's id, though it may look the same: an item `5` is not the shopper `5`."""


class Mentions:
    """Finds ids in documents, each as a whole: who looks for `u1` does not find `u10`.

    An id of letters and other characters is found anywhere in a text. One that may as well be a number or a word
    (`5`, `anna`) is found where it is the whole text, or set off as messages and paths set off what was sent:
    `got 5`, `"anna"`, `/users/5`. "More than 5 minutes" is about nobody.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._pattern = re.compile("|".join(_pattern_of(name) for name in sorted(names)) or "(?!)")

    def any_in(self, document: str) -> bool:
        """`document`: JSON, or text that is none."""
        return any(self._pattern.search(text) for text in _texts_of(document))


def written_forms(name: str) -> set[str]:
    """As it stands in text, in JSON, in JSON within JSON and in a path."""
    in_json = orjson.dumps(name).decode()[1:-1]
    return {name, in_json, orjson.dumps(in_json).decode()[1:-1], quote(name, safe="")}


def _pattern_of(name: str) -> str:
    form = "(?:" + "|".join(re.escape(form) for form in sorted(written_forms(name))) + ")"
    if name.isalpha() or not any(character.isalpha() for character in name):
        return rf'\A{form}\Z|"{form}"|\bgot {form}(?=;|\Z)|/users/{form}(?=[/:?#]|\Z)'
    return rf"(?<![\w-]){form}(?![\w-])"


def _texts_of(document: str) -> Iterator[str]:
    """Every value that is a text and may name a shopper, at any depth, also in JSON that is a text itself."""
    left: list[Any] = [_parsed(document)]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            left += (each for field, each in value.items() if field not in FIELDS_OF_ITEMS)
        elif isinstance(value, list):
            left += value
        elif isinstance(value, str):
            inner = _parsed(value) if value.startswith(JSON_BEGINS_WITH) else value
            if inner == value:
                yield value
            else:
                left.append(inner)


def _parsed(document: str) -> Any:
    """The text itself where it is no JSON."""
    try:
        return orjson.loads(document)
    except orjson.JSONDecodeError:
        return document
