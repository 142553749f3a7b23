"""The catalogue of a bundle as the ground on which the shop's own writes stand."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any, Final

from sqlalchemy import select, update

from app.store.columns import Clock
from app.store.engine import Database, Transaction
from app.store.item_rows import (
    COLUMNS,
    Item,
    canonical,
    content_of,
    item_of,
    lock_catalogue,
    offer_of,
    read_items,
    write_items,
)
from app.store.tables import catalogue, items

ROWS_A_TRANSACTION: Final = 300  # about 10 ms, in which other writes and the event loop wait


@dataclass(frozen=True, slots=True)
class Seeded:
    """Items that a seed added, changed and took away."""

    added: int = 0
    changed: int = 0
    removed: int = 0

    def __add__(self, other: "Seeded") -> "Seeded":
        return Seeded(self.added + other.added, self.changed + other.changed, self.removed + other.removed)


async def seed(database: Database, clock: Clock, source: str, rows: Iterable[tuple[str, Mapping[str, Any]]]) -> Seeded:
    """See `ItemStore.seed`."""
    if await database.read(_seeded_from) == source:
        return Seeded()
    done = Seeded()
    for batch in _batches(rows):

        async def lay(transaction: Transaction, batch: Sequence[tuple[str, Mapping[str, Any]]] = batch) -> Seeded:
            return await _lay(transaction, source, batch, clock())

        done += await database.write(lay)
    while (removed := await database.write(lambda transaction: _remove_rest(transaction, source, clock()))).removed:
        done += removed
    return done


async def _seeded_from(transaction: Transaction) -> str | None:
    found: str | None = (await transaction.execute(select(catalogue.c.seeded_from))).scalar_one()
    return found


async def _lay(
    transaction: Transaction, source: str, batch: Sequence[tuple[str, Mapping[str, Any]]], now: datetime
) -> Seeded:
    last_revision = await lock_catalogue(transaction)
    before = await read_items(transaction, (item_id for item_id, _ in batch))
    written: list[Item] = []
    done = Seeded()
    for item_id, given in dict(batch).items():
        fields = {name: value for name, value in given.items() if value is not None}
        known = before.get(item_id)
        if known is not None and known.seeded_from is None:
            continue  # the shop's own
        item = _laid(item_id, known, fields, source, last_revision + 1, now)
        written.append(item)
        if item.revision > last_revision:
            last_revision = item.revision
            new = known is None or known.deleted
            done += Seeded(added=int(new), changed=int(not new))
    await write_items(transaction, written, last_revision)
    return done


def _laid(
    item_id: str, known: Item | None, fields: Mapping[str, Any], source: str, revision: int, now: datetime
) -> Item:
    """The row under a new seed; its revision stays where nothing differs."""
    if known is None or known.deleted:
        return Item(item_id, fields, revision, revision, False, source, False, now)
    if known.offer_written:
        fields = {**content_of(fields), **offer_of(known.fields)}
    if canonical(fields) == canonical(known.fields):
        return replace(known, seeded_from=source)
    same_content = canonical(content_of(fields)) == canonical(content_of(known.fields))
    content_revision = known.content_revision if same_content else revision
    return Item(item_id, fields, revision, content_revision, False, source, known.offer_written, now)


async def _remove_rest(transaction: Transaction, source: str, now: datetime) -> Seeded:
    """Takes away what only an earlier seed knew; once nothing is left, notes that this seed is complete."""
    last_revision = await lock_catalogue(transaction)
    stale = (
        select(*COLUMNS)
        .where(items.c.seeded_from != source, items.c.deleted.is_(False))
        .order_by(items.c.item_id)
        .limit(ROWS_A_TRANSACTION)
    )
    rest = [item_of(row) for row in await transaction.execute(stale)]
    removed = [
        Item(item.item_id, {}, revision, revision, True, source, False, now)
        for revision, item in enumerate(rest, start=last_revision + 1)
    ]
    await write_items(transaction, removed, last_revision + len(removed))
    if not removed:
        await transaction.execute(update(catalogue).values(seeded_from=source))
    return Seeded(removed=len(removed))


def _batches(
    rows: Iterable[tuple[str, Mapping[str, Any]]],
) -> Iterator[Sequence[tuple[str, Mapping[str, Any]]]]:
    remaining = iter(rows)
    while batch := list(islice(remaining, ROWS_A_TRANSACTION)):
        yield batch
