"""Items as rows: what one is, and how rows are read and written within a transaction."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final

import orjson
from sqlalchemy import Row, select, update

from app.store.engine import Transaction
from app.store.tables import catalogue, items
from app.store.upsert import insert_into

OFFER_FIELDS: Final = ("price", "in_stock")
"""Change nightly, and need no new feature: what an item is stays the same."""

IDS_A_QUERY: Final = 1000
COLUMNS: Final = tuple(items.c)
WRITTEN: Final = tuple(column.name for column in items.c if not column.primary_key)


@dataclass(frozen=True, slots=True)
class Item:
    """One item of the catalogue, or what is left of a deleted one."""

    item_id: str
    fields: Mapping[str, Any]
    """Everything but the id, as the shop sent it. Of a deleted item nothing is left, but for the price and
    stock that the shop wrote where a seed took it away: the bundle that brings it back does not know them."""
    revision: int
    """Of the last change. Larger than that of every change that was committed before it, to whichever item."""
    content_revision: int
    """Of the last change that touched more than price and stock: since then the item may need a new feature."""
    deleted: bool
    seeded_from: str | None
    """The bundle whose content this still is, or whose seed took the item away; None once the shop wrote other
    content or deleted the item."""
    offer_written: bool
    """Whether the shop wrote price or stock since the item was seeded."""
    changed_at: datetime


def canonical(fields: Mapping[str, Any]) -> bytes:
    """Equal for equal JSON: 1, 1.0 and true differ, the order of keys does not."""
    return orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)


def content_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that say what the item is."""
    return {name: value for name, value in fields.items() if name not in OFFER_FIELDS}


def offer_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Price and stock."""
    return {name: fields[name] for name in OFFER_FIELDS if name in fields}


async def lock_catalogue(transaction: Transaction) -> int:
    """The last revision given out. Until the transaction ends nobody else can give one out.

    The lock is free again only after the commit can be seen, so a reader who sees a revision has seen all below it.
    """
    locked = select(catalogue.c.revision).where(catalogue.c.catalogue_id == 1).with_for_update()
    return int((await transaction.execute(locked)).scalar_one())


async def read_items(transaction: Transaction, item_ids: Iterable[str]) -> dict[str, Item]:
    """The rows there are, deleted ones too."""
    ids = iter(dict.fromkeys(item_ids))
    found: dict[str, Item] = {}
    while batch := list(islice(ids, IDS_A_QUERY)):
        rows = await transaction.execute(select(*COLUMNS).where(items.c.item_id.in_(batch)))
        found |= {row.item_id: item_of(row) for row in rows}
    return found


async def write_items(transaction: Transaction, changed: Sequence[Item], last_revision: int) -> None:
    """Stores the rows and the newest revision among them."""
    if not changed:
        return
    insert = insert_into(items, transaction)
    upsert = insert.on_conflict_do_update(
        index_elements=[items.c.item_id], set_={name: insert.excluded[name] for name in WRITTEN}
    )
    names = [column.name for column in COLUMNS]
    await transaction.execute(upsert, [{name: getattr(item, name) for name in names} for item in changed])
    await transaction.execute(update(catalogue).values(revision=last_revision))


def item_of(row: Row[Any]) -> Item:
    """The row as an object."""
    return Item(**row._mapping)
