"""Whether what is said of an item can be what its fields hold."""

from collections.abc import Mapping
from typing import Any, Final, Self

import polars as pl

from models.domain.attributes import Kind
from models.domain.errors import DocumentRefused
from models.recommend.live.documents import NAMED_KINDS, kind_of_value
from models.recommend.recommender import Recommender

MAX_ATTRIBUTES: Final = 500
"""Of all items together; each is a column, in memory and in filters."""


class FieldCheck:
    """Of the fields of one shop; a field that nobody has seen holds what the first item says."""

    def __init__(self, kinds: Mapping[str, Kind], fixed: frozenset[str] = frozenset()) -> None:
        """`kinds`: what fields hold. `fixed`: fields of a kind that no document can have, such as lists of numbers."""
        self.kinds = dict(kinds)
        self._fixed = fixed

    @classmethod
    def of(cls, model: Recommender) -> Self:
        """Of a served catalogue; a field without any value yet can become anything."""
        table = model.catalogue.attributes
        return cls(served_kinds(model), frozenset(table.frame.columns) - table.kinds.keys() - {"item_id"})

    def take(self, item_id: str, fields: Mapping[str, Any]) -> None:
        """Learns the item's new fields; or raises DocumentRefused for the first value that does not fit."""
        kinds = {name: self._kind(item_id, name, value) for name, value in fields.items()}
        after = self.kinds | {name: kind for name, kind in kinds.items() if kind is not None}
        if len(after) > MAX_ATTRIBUTES and len(after) > len(self.kinds):
            new = next(name for name in after if name not in self.kinds)
            raise DocumentRefused(item_id, new, f"would be one more attribute than the limit, {MAX_ATTRIBUTES}")
        self.kinds = after

    def _kind(self, item_id: str, name: str, value: Any) -> Kind | None:
        if name in self._fixed and value is not None:
            raise DocumentRefused(item_id, name, "is of a kind that cannot be changed")
        return kind_of_value(item_id, name, value, self.kinds.get(name) or NAMED_KINDS.get(name))


def served_kinds(model: Recommender) -> dict[str, Kind]:
    """The kind of each field that documents can change, where there is a value yet."""
    table = model.catalogue.attributes
    return {
        name: kind for name, kind in table.kinds.items() if name != "item_id" and table.frame.schema[name] != pl.Null
    }
