"""Lists that were served: for explanations, for pages of one frozen list, and to tell which list sold something."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import islice
from typing import Any, Final

from sqlalchemy import Row, select

from app.store.columns import Clock, utc_now
from app.store.engine import Database, Transaction
from app.store.event_rows import lock_shoppers
from app.store.purging import purge_rows
from app.store.recent_erasures import erased_since
from app.store.tables import served_lists
from app.store.upsert import insert_into

IDS_A_QUERY: Final = 1000


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

    async def purge(self) -> int:
        """Deletes what has expired; how many."""
        return await purge_rows(self._database, served_lists, served_lists.c.expires_at <= self._clock())


def _list(row: Row[Any]) -> ServedList:
    return ServedList(**row._mapping)
