"""Documents without the values that a served catalogue cannot take.

What the shop sends is checked when it comes in. That two processes accept a new field with different kinds in the same
moment, or that another bundle has another kind for a field, is found here; such a value is left out and told.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from app.observability.logs import get_log
from app.runtime.field_check import FieldCheck
from models.domain.errors import DocumentRefused
from models.recommend.live.documents import ItemDocument
from models.recommend.recommender import Recommender

Result = TypeVar("Result")

log = get_log(__name__)


def with_usable(
    model: Recommender, documents: Sequence[ItemDocument], work: Callable[[Sequence[ItemDocument]], Result]
) -> Result:
    """What `work` makes of the documents; where it refuses one, of what is usable of them."""
    try:
        return work(documents)
    except DocumentRefused:
        check = FieldCheck.of(model)
        return work([_usable(document, check) for document in documents])


def _usable(document: ItemDocument, check: FieldCheck) -> ItemDocument:
    fields: dict[str, Any] = {}
    for name, value in document.fields.items():
        try:
            check.take(document.item_id, {name: value})
        except DocumentRefused as refused:
            log.warning("a value is left out", field=name[:128], reason=refused.reason)
        else:
            fields[name] = value
    return replace(document, fields=fields)
