"""Takes items in: stores them, and returns when answers know of it; features of new content come later."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.observability.logs import get_log
from app.runtime.field_check import FieldCheck
from app.runtime.import_jobs import LARGE, ImportJobs
from app.runtime.serving import Serving
from app.store.engine import Transaction
from app.store.item_rows import Item
from app.store.item_writes import WriteMode, WriteResult
from app.store.jobs import Job
from app.store.store import Store
from models.domain.errors import NotYetServed

log = get_log(__name__)


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of many rows."""

    results: Sequence[WriteResult]
    job: Job | None
    """Where so much content is new that its features take a while."""


class ItemIntake:
    """Each write is durable, and in answers, when it returns; NotYetServed says that it is durable alone."""

    def __init__(self, store: Store, serving: Serving) -> None:
        self._store = store
        self._imports = ImportJobs(store.jobs)
        self._serving = serving

    def field_check(self) -> FieldCheck:
        """What is asked of each item before it is handed in. Raises NotReady."""
        return self._serving.field_check()

    async def put(self, item_id: str, fields: Mapping[str, Any]) -> Item:
        """The item as it is now."""
        _, item = await self._store.items.put(item_id, fields)
        await self._be_served()
        return item

    async def patch(self, item_id: str, fields: Mapping[str, Any]) -> Item | None:
        """The item as it is now; None where there is no such item."""
        item = await self._store.items.patch(item_id, fields)
        await self._be_served()
        return item

    async def delete(self, item_id: str) -> bool:
        """Whether there was such an item."""
        was_there = await self._store.items.delete(item_id)
        await self._be_served()
        return was_there

    async def take(
        self, rows: Sequence[tuple[str, Mapping[str, Any]]], mode: WriteMode, key_id: str | None
    ) -> Imported:
        """All rows in one transaction, and the job for their features in it too."""

        async def work(transaction: Transaction) -> Imported:
            before = await self._store.items.lock(transaction)
            results = await self._store.items.bulk(rows, mode, within=transaction)
            num_new = await self._store.items.count_new_content(before, within=transaction)
            if num_new <= LARGE:
                return Imported(results, None)
            last = await self._store.items.lock(transaction)
            return Imported(
                results, await self._imports.create(before, last, num_new, key_id=key_id, within=transaction)
            )

        imported = await self._store.database.write(work)
        if imported.job:
            self._serving.import_written()
        await self._be_served(imported.job)
        return imported

    async def _be_served(self, job: Job | None = None) -> None:
        if not await self._serving.caught_up():
            log.warning("a write is stored and not yet in answers", job_id=job.job_id if job else None)
            raise NotYetServed(job.job_id if job else None)
