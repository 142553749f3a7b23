"""Several documents of one item as one."""

from collections.abc import Container, Sequence
from dataclasses import replace

from models.recommend.live.documents import ItemDocument


def one_each(documents: Sequence[ItemDocument], known_ids: Container[str]) -> list[ItemDocument]:
    """One document an item, which says what all of its documents do one after the other.

    An item that is new has nothing to merge with, so its document says all of it. The deletion of an item that was
    never there is left out; one that came and went is there, deleted.
    """
    latest: dict[str, ItemDocument] = {}
    for document in documents:
        item_id = document.item_id
        if item_id in latest:
            latest[item_id] = _after(latest[item_id], document)
        elif item_id in known_ids:
            # a deletion says nothing else: what the item was is kept, and a later merge may bring it back
            latest[item_id] = replace(document, fields={}, merges=True) if document.is_deleted else document
        elif not document.is_deleted:
            latest[item_id] = replace(document, merges=False) if document.merges else document
    return list(latest.values())


def _after(earlier: ItemDocument, later: ItemDocument) -> ItemDocument:
    if later.is_deleted:
        return replace(earlier, is_deleted=True)
    if not later.merges:
        return later
    return replace(earlier, fields={**earlier.fields, **later.fields}, is_deleted=False)
