"""The catalogue of a bundle as the ground on which the shop's own writes stand."""

import secrets
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
    is_overtaken: bool = False
    """Whether it stopped because a seed of another bundle began after it."""

    def __add__(self, other: "Seeded") -> "Seeded":
        return Seeded(
            self.added + other.added,
            self.changed + other.changed,
            self.removed + other.removed,
            self.is_overtaken or other.is_overtaken,
        )


class _Stopped(Exception):
    """The seed is not the one under way any more."""

    def __init__(self, *, is_overtaken: bool) -> None:
        self.is_overtaken = is_overtaken


async def seed(database: Database, clock: Clock, source: str, rows: Iterable[tuple[str, Mapping[str, Any]]]) -> Seeded:
    """See `ItemStore.seed`."""
    if await database.read(lambda transaction: _is_complete(transaction, source)):
        return Seeded()
    token = await database.write(lambda transaction: _begin(transaction, source))
    done = Seeded()
    try:
        for batch in _batches(rows):

            async def lay(transaction: Transaction, batch: Sequence[tuple[str, Mapping[str, Any]]] = batch) -> Seeded:
                return await _lay(transaction, token, batch, clock())

            done += await database.write(lay)
        while (removed := await database.write(lambda transaction: _remove_rest(transaction, token, clock()))).removed:
            done += removed
    except _Stopped as stopped:
        return replace(done, is_overtaken=stopped.is_overtaken)
    return done


async def _is_complete(transaction: Transaction, source: str) -> bool:
    seeded_from, seeding = (await transaction.execute(select(catalogue.c.seeded_from, catalogue.c.seeding))).one()
    return bool(seeded_from == source and seeding is None)


async def _begin(transaction: Transaction, source: str) -> str:
    """The token under which this bundle is laid from now on; any other one's seed stops.

    A seed of the same bundle that is under way, or was cut short, is joined. One that another bundle's came after has
    another token: what it laid may be gone, so it must not go on to take away the rest.
    """
    await lock_catalogue(transaction)
    under_way: str | None = (await transaction.execute(select(catalogue.c.seeding))).scalar_one()
    if under_way is not None and _source_of(under_way) == source:
        return under_way
    token = f"{source} {secrets.token_hex(8)}"
    await transaction.execute(update(catalogue).values(seeding=token))
    return token


def _source_of(token: str) -> str:
    return token.rpartition(" ")[0]


async def _lock(transaction: Transaction, token: str) -> int:
    """As `lock_catalogue`. Raises _Stopped where this is not the seed under way."""
    last_revision = await lock_catalogue(transaction)
    if (await transaction.execute(select(catalogue.c.seeding))).scalar_one() != token:
        raise _Stopped(is_overtaken=not await _is_complete(transaction, _source_of(token)))
    return last_revision


async def _lay(
    transaction: Transaction, token: str, batch: Sequence[tuple[str, Mapping[str, Any]]], now: datetime
) -> Seeded:
    last_revision, source = await _lock(transaction, token), _source_of(token)
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
    if known is not None and known.offer_written:
        fields = {**content_of(fields), **offer_of(known.fields)}
    if known is None or known.deleted:
        return Item(item_id, fields, revision, revision, False, source, known is not None and known.offer_written, now)
    if canonical(fields) == canonical(known.fields):
        return replace(known, seeded_from=source)
    same_content = canonical(content_of(fields)) == canonical(content_of(known.fields))
    content_revision = known.content_revision if same_content else revision
    return Item(item_id, fields, revision, content_revision, False, source, known.offer_written, now)


async def _remove_rest(transaction: Transaction, token: str, now: datetime) -> Seeded:
    """Takes away what only an earlier seed knew; once nothing is left, notes that this seed is complete.

    Price and stock that the shop wrote are kept, for the bundle that knows the item.
    """
    last_revision, source = await _lock(transaction, token), _source_of(token)
    stale = (
        select(*COLUMNS)
        .where(items.c.seeded_from != source, items.c.deleted.is_(False))
        .order_by(items.c.item_id)
        .limit(ROWS_A_TRANSACTION)
    )
    rest = [item_of(row) for row in await transaction.execute(stale)]
    removed = [_taken_away(item, source, revision, now) for revision, item in enumerate(rest, start=last_revision + 1)]
    await write_items(transaction, removed, last_revision + len(removed))
    if not removed:
        await transaction.execute(update(catalogue).values(seeded_from=source, seeding=None))
    return Seeded(removed=len(removed))


def _taken_away(item: Item, source: str, revision: int, now: datetime) -> Item:
    offer = offer_of(item.fields) if item.offer_written else {}
    return Item(item.item_id, offer, revision, revision, True, source, item.offer_written, now)


def _batches(
    rows: Iterable[tuple[str, Mapping[str, Any]]],
) -> Iterator[Sequence[tuple[str, Mapping[str, Any]]]]:
    remaining = iter(rows)
    while batch := list(islice(remaining, ROWS_A_TRANSACTION)):
        yield batch
