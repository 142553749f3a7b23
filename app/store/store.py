"""All that a service remembers, on one database."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Self

from app.store.active_model import ActiveModelStore
from app.store.columns import Clock, utc_now
from app.store.concepts import ConceptStore
from app.store.embeddings import EmbeddingStore
from app.store.engine import Database
from app.store.events import EventStore
from app.store.idempotency import IdempotencyStore
from app.store.items import ItemStore
from app.store.jobs import JobStore
from app.store.keys import KeyStore
from app.store.lists import ListStore
from app.store.outcomes import OutcomeStore
from app.store.purging import purge_rows
from app.store.rate_limits import RateLimitStorage
from app.store.recent_erasures import KEPT as ERASURES_NOTED
from app.store.tables import recent_erasures

JOBS_KEPT: Final = timedelta(days=7)
ITEM_EXPOSURES_KEPT: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Store:
    """One object for each family of tables. A transaction over several of them: `database.write`, and `within`."""

    database: Database
    items: ItemStore
    embeddings: EmbeddingStore
    events: EventStore
    lists: ListStore
    outcomes: OutcomeStore
    jobs: JobStore
    keys: KeyStore
    idempotency: IdempotencyStore
    rate_limits: RateLimitStorage
    active_model: ActiveModelStore
    concepts: ConceptStore
    clock: Clock

    @classmethod
    async def open(cls, url: str, clock: Clock = utc_now) -> Self:
        """See `Database.open`."""
        database = await Database.open(url)
        return cls(
            database,
            ItemStore(database, clock),
            EmbeddingStore(database, clock),
            EventStore(database, clock),
            ListStore(database, clock),
            OutcomeStore(database),
            JobStore(database, clock),
            KeyStore(database, clock),
            IdempotencyStore(database, clock),
            RateLimitStorage(database, clock),
            ActiveModelStore(database, clock),
            ConceptStore(database, clock),
            clock,
        )

    async def close(self) -> None:
        """Waits for running transactions and closes all connections."""
        await self.database.close()

    async def purge(self) -> int:
        """Deletes what has had its time; how many rows. To be called every few minutes, by any process."""
        await self.outcomes.purge_items((self.clock() - ITEM_EXPOSURES_KEPT).date())
        return (
            await self.lists.purge()
            + await purge_rows(
                self.database, recent_erasures, recent_erasures.c.erased_at <= self.clock() - ERASURES_NOTED
            )
            + await self.idempotency.purge()
            + await self.rate_limits.purge()
            + await self.jobs.purge(JOBS_KEPT)
            + await self.embeddings.purge()
            + await self.concepts.purge()
        )
