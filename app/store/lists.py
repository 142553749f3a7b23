"""Lists that were served: for explanations, for pages of one frozen list, and to tell which list sold something."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import islice
from typing import Any, Final

import orjson
from sqlalchemy import Row, Text, cast, select

from app.store.columns import Clock, utc_now
from app.store.engine import Database, Transaction
from app.store.event_rows import lock_shoppers
from app.store.outcomes import ARM_COLUMNS, Arm
from app.store.purging import purge_rows
from app.store.recent_erasures import erased_since
from app.store.tables import served_lists
from app.store.upsert import insert_into

IDS_A_QUERY: Final = 1000
LISTS_A_PIECE: Final = 20
"""Of five hundred items each, 2 MB; between two pieces the event loop does other things."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedList:
    """One answer as it was given."""

    recommendation_id: str
    request: Mapping[str, Any]
    """What was asked, as JSON. Without the history, and without user_id and session_id, where it was not to be
    personalised."""
    items: Sequence[Mapping[str, Any]]
    """In their order, with score and sources: whatever explanations and pages need, as JSON."""
    model_version: str
    index_version: str
    created_at: datetime
    """When it was asked for, before anything stored was read for it."""
    expires_at: datetime
    key_id: str | None = None
    """The API key that asked. Nobody else may read the list."""
    user_id: str | None = None
    session_id: str | None = None
    experiment_id: str | None = None
    variant_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedItems:
    """What of a list tells whether an event came of it: not what was asked, nor how items came to be in it."""

    arm: Arm
    created_at: datetime
    item_ids: frozenset[str]
    """Of those that were asked about, the ones that stand in it."""


FIELDS: Final = tuple(field.name for field in fields(ServedList))


class ListStore:
    """Keeps lists until they expire."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def add(self, served: Sequence[ServedList], *, within: Transaction | None = None) -> set[str]:
        """The ids of those that are kept now and were not before, all in one transaction.

        A list whose shopper was erased after it was asked for is left out.
        """
        if not served:
            return set()
        asked = [
            ([name for name in (one.user_id, one.session_id) if name is not None], one.created_at) for one in served
        ]

        async def work(transaction: Transaction) -> set[str]:
            await lock_shoppers(transaction, alone=False)  # an erasure that runs now is waited for, or waits
            erased = await erased_since(transaction, asked)
            rows = [
                {name: getattr(one, name) for name in FIELDS}
                for one, is_erased in zip(served, erased, strict=True)
                if not is_erased
            ]
            if not rows:
                return set()
            insert = insert_into(served_lists, transaction).on_conflict_do_nothing()
            written = await transaction.execute(insert.returning(served_lists.c.recommendation_id), rows)
            return set(written.scalars())

        return await self._database.write(work, within=within)

    async def get(self, recommendation_id: str, *, within: Transaction | None = None) -> ServedList | None:
        """The list, or None where it never was or has expired."""
        return (await self.get_many([recommendation_id], within=within)).get(recommendation_id)

    async def get_many(
        self, recommendation_ids: Iterable[str], *, within: Transaction | None = None
    ) -> dict[str, ServedList]:
        """Those of the lists that are still kept."""

        async def work(transaction: Transaction) -> dict[str, ServedList]:
            ids = iter(dict.fromkeys(recommendation_ids))
            found: dict[str, ServedList] = {}
            current = select(served_lists).where(served_lists.c.expires_at > self._clock())
            while batch := list(islice(ids, IDS_A_QUERY)):
                rows = await transaction.execute(current.where(served_lists.c.recommendation_id.in_(batch)))
                found |= {row.recommendation_id: _list(row) for row in rows}
            return found

        return await self._database.read(work, within=within)

    async def listed(self, asked: Mapping[str, Collection[str]]) -> dict[str, ListedItems]:
        """Those of the lists that are still kept; `asked`: recommendation id → items that may stand in it.

        A thousand lists are 100 MB of JSON, so they are read in pieces and beside the event loop.
        """
        columns = (served_lists.c[name] for name in ("recommendation_id", *ARM_COLUMNS, "created_at"))
        current = select(*columns, cast(served_lists.c["items"], Text).label("items")).where(
            served_lists.c.expires_at > self._clock()
        )

        async def work(transaction: Transaction) -> dict[str, ListedItems]:
            ids = iter(asked)
            found: dict[str, ListedItems] = {}
            while batch := list(islice(ids, LISTS_A_PIECE)):
                rows = await transaction.execute(current.where(served_lists.c.recommendation_id.in_(batch)))
                found |= await asyncio.to_thread(_listed, rows.all(), asked)
            return found

        return await self._database.read(work)

    async def purge(self) -> int:
        """Deletes what has expired; how many."""
        return await purge_rows(self._database, served_lists, served_lists.c.expires_at <= self._clock())


def _list(row: Row[Any]) -> ServedList:
    return ServedList(**row._mapping)


def _listed(rows: Sequence[Any], asked: Mapping[str, Collection[str]]) -> dict[str, ListedItems]:
    return {
        row.recommendation_id: ListedItems(
            arm=Arm(**{name: row._mapping[name] for name in ARM_COLUMNS}),
            created_at=row.created_at,
            item_ids=frozenset(asked[row.recommendation_id]).intersection(
                one["item_id"] for one in orjson.loads(row.items)
            ),
        )
        for row in rows
    }
