"""The catalogue: items as the shop sent them, and the feed of their changes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, func, or_, select

from app.store.columns import Clock, utc_now
from app.store.engine import Database, Transaction
from app.store.item_rows import COLUMNS, Item, item_of, lock_catalogue, read_items
from app.store.item_seed import Seeded, seed
from app.store.item_writes import ItemWrite, WriteMode, WriteResult, write
from app.store.paging import Page, read_cursor, write_cursor
from app.store.tables import catalogue, items

LIST_NAME: Final = "items"


@dataclass(frozen=True, slots=True)
class ItemChanges:
    """Items that changed, in the order of their revisions, each with its newest state only."""

    items: Sequence[Item]
    revision: int
    """To ask with next time. A change that is committed later has a larger one."""
    complete: bool
    """Whether that was all; else ask again at once."""


class ItemStore:
    """Reads and writes items. A deleted item is unknown to everything but `changes_since`."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def put(
        self, item_id: str, fields: Mapping[str, Any], *, within: Transaction | None = None
    ) -> tuple[WriteResult, Item]:
        """Creates the item or replaces all of its fields: `created`, `changed` or `unchanged`, and the item."""
        result, item = await self._write_one(ItemWrite(item_id, fields), within)
        assert item is not None
        return result, item

    async def patch(self, item_id: str, fields: Mapping[str, Any], *, within: Transaction | None = None) -> Item | None:
        """The item with these fields changed and those that are null taken away; None where there is no such item."""
        return (await self._write_one(ItemWrite(item_id, fields, "merge"), within))[1]

    async def delete(self, item_id: str, *, within: Transaction | None = None) -> bool:
        """Whether there was such an item. Its fields are gone; a mark stays, so that the change feed tells."""
        return (await self._write_one(ItemWrite(item_id, {}, "delete"), within))[0] == "deleted"

    async def bulk(
        self,
        rows: Sequence[tuple[str, Mapping[str, Any]]],
        mode: WriteMode,
        *,
        within: Transaction | None = None,
    ) -> list[WriteResult]:
        """What became of each row, in order, all in one transaction. A row of a merge for which there is no
        item is `unknown` and writes nothing; every other row of the request is kept."""
        writes = [ItemWrite(item_id, fields, mode) for item_id, fields in rows]

        async def work(transaction: Transaction) -> list[WriteResult]:
            return await write(transaction, writes, self._clock())

        return await self._database.write(work, within=within)

    async def get(self, item_id: str, *, within: Transaction | None = None) -> Item | None:
        """The item, or None."""
        return (await self.get_many([item_id], within=within)).get(item_id)

    async def get_many(self, item_ids: Iterable[str], *, within: Transaction | None = None) -> dict[str, Item]:
        """Those of the items that there are."""
        found = await self._database.read(lambda transaction: read_items(transaction, item_ids), within=within)
        return {item_id: item for item_id, item in found.items() if not item.deleted}

    async def page(self, limit: int, cursor: str | None = None) -> Page[Item]:
        """Items by id. Raises CursorRefused."""
        after = None if cursor is None else read_cursor(LIST_NAME, cursor, str)[0]
        query = select(*COLUMNS).where(items.c.deleted.is_(False)).order_by(items.c.item_id).limit(limit + 1)
        if after is not None:
            query = query.where(items.c.item_id > after)
        found = [item_of(row) for row in await self._database.read(lambda transaction: transaction.execute(query))]
        rows = found[:limit]
        return Page(rows, write_cursor(LIST_NAME, rows[-1].item_id) if len(found) > limit else None)

    async def count(self) -> int:
        """How many items there are."""
        query = select(func.count()).select_from(items).where(items.c.deleted.is_(False))
        return int((await self._database.read(lambda transaction: transaction.execute(query))).scalar_one())

    async def revision(self) -> int:
        """Of the newest change; 0 before the first."""
        query = select(catalogue.c.revision)
        return int((await self._database.read(lambda transaction: transaction.execute(query))).scalar_one())

    async def lock(self, within: Transaction) -> int:
        """The revision before what the transaction writes; until it ends, nobody else writes items."""
        return await lock_catalogue(within)

    async def count_new_content(self, since: int, *, within: Transaction | None = None) -> int:
        """How many items got other content after that revision, or came: those that may need a new feature."""
        query = (
            select(func.count())
            .select_from(items)
            .where(items.c.revision > since, items.c.content_revision > since, items.c.deleted.is_(False))
        )
        return int((await self._database.read(lambda one: one.execute(query), within=within)).scalar_one())

    async def written_since(self, revision: int, limit: int = 1000) -> ItemChanges:
        """As `changes_since`, of what the shop itself wrote: its content, its prices and stock, its deletions.

        A bundle's catalogue and these make the whole catalogue, whichever bundle it is.
        """
        return await self._changes(revision, limit, or_(items.c.seeded_from.is_(None), items.c.offer_written))

    async def changes_since(self, revision: int, limit: int = 1000) -> ItemChanges:
        """What changed after that revision, deleted items too. Following it from 0 gives the whole catalogue,
        and following it on misses nothing, in whichever process and in whatever order things were written.

        A thousand keep the event loop for about 10 ms.
        """
        return await self._changes(revision, limit)

    async def seed(self, source: str, rows: Iterable[tuple[str, Mapping[str, Any]]]) -> Seeded:
        """Lays a bundle's catalogue under the shop's own writes; nothing to do where `source` was the last one.

        What the shop wrote stays: content that it replaced, prices and stock that it set, items that it deleted.
        Everything else becomes what this bundle says, and items that only an earlier bundle knew go.
        It is done in pieces, so that other writes get their turn; one that was cut short is completed by the next call.
        Of two bundles at once the one that began last is laid, and the other one's seed stops; two of the same bundle
        work together.
        """
        return await seed(self._database, self._clock, source, rows)

    async def _changes(self, revision: int, limit: int, *which: ColumnElement[bool]) -> ItemChanges:
        query = select(*COLUMNS).where(items.c.revision > revision, *which).order_by(items.c.revision).limit(limit + 1)
        found = [item_of(row) for row in await self._database.read(lambda transaction: transaction.execute(query))]
        changed = found[:limit]
        return ItemChanges(changed, changed[-1].revision if changed else revision, complete=len(found) <= limit)

    async def _write_one(self, item_write: ItemWrite, within: Transaction | None) -> tuple[WriteResult, Item | None]:
        async def work(transaction: Transaction) -> tuple[WriteResult, Item | None]:
            (result,) = await write(transaction, [item_write], self._clock())
            item = (await read_items(transaction, [item_write.item_id])).get(item_write.item_id)
            return result, None if item is None or item.deleted else item

        return await self._database.write(work, within=within)
