"""Documents without the values that a served catalogue cannot take.

What the shop sends is checked when it comes in. That two processes accept a new field with different kinds in the same
moment, or that another bundle has another kind for a field, is found here; such a value is left out and told.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import polars as pl

from app.observability.logs import get_log
from models.domain.attributes import Kind, Kinds
from models.domain.errors import DocumentRefused
from models.recommend.live.documents import NAMED_KINDS, ItemDocument, kind_of_value
from models.recommend.recommender import Recommender

Result = TypeVar("Result")

log = get_log(__name__)


def served_kinds(model: Recommender) -> dict[str, Kind]:
    """The kind of each field that documents can change; a field without any value yet can become anything."""
    table = model.catalogue.attributes
    return {name: kind for name, kind in table.kinds.items() if table.frame.schema[name] != pl.Null}


def unusable_names(model: Recommender) -> frozenset[str]:
    """Columns of a kind that no document can have, such as lists of numbers."""
    table = model.catalogue.attributes
    return frozenset(table.frame.columns) - table.kinds.keys() - {"item_id"}


def kind_in(kinds: Kinds, name: str) -> Kind | None:
    """What a field holds, in this catalogue or in every one."""
    return kinds.get(name) or NAMED_KINDS.get(name)


def with_usable(
    model: Recommender, documents: Sequence[ItemDocument], work: Callable[[Sequence[ItemDocument]], Result]
) -> Result:
    """What `work` makes of the documents; where it refuses one, of what is usable of them."""
    try:
        return work(documents)
    except DocumentRefused:
        return work(usable(documents, served_kinds(model), unusable_names(model)))


def usable(documents: Sequence[ItemDocument], kinds: dict[str, Kind], unusable_: frozenset[str]) -> list[ItemDocument]:
    """The documents in their order, each without the values that do not fit. `kinds` grows by new fields."""
    return [_usable(document, kinds, unusable_) for document in documents]


def _usable(document: ItemDocument, kinds: dict[str, Kind], unusable_: frozenset[str]) -> ItemDocument:
    fields: dict[str, Any] = {}
    for name, value in document.fields.items():
        try:
            if name in unusable_ and value is not None:
                raise DocumentRefused(document.item_id, name, "is of a kind that cannot be changed")
            kind = kind_of_value(document.item_id, name, value, kind_in(kinds, name))
        except DocumentRefused as refused:
            log.warning("a value is left out", field=name[:128], reason=refused.reason)
            continue
        if kind is not None:
            kinds[name] = kind
        fields[name] = value
    return replace(document, fields=fields)
