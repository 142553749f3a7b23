"""Concepts that were told, so that one can be pictured later, by whichever process is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import select

from app.store.columns import Clock, utc_now
from app.store.engine import Database, Transaction
from app.store.purging import purge_rows
from app.store.tables import concepts
from app.store.upsert import insert_into

KEPT: Final = timedelta(days=7)
"""Since it was told last."""


@dataclass(frozen=True, slots=True)
class KeptConcept:
    """What a picture needs of it: nothing that a shopper did is in it."""

    category: str | None
    words: Sequence[str]


class ConceptStore:
    """Concepts by id; an id follows from the concept and its model, so one id never means two."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def keep(self, told: Mapping[str, KeptConcept]) -> None:
        """By id; one that is there already is kept for longer."""
        rows = [
            {"concept_id": concept_id, "category": one.category, "words": list(one.words), "told_at": self._clock()}
            for concept_id, one in sorted(told.items())
        ]
        if not rows:
            return

        async def work(transaction: Transaction) -> None:
            insert = insert_into(concepts, transaction)
            again = insert.on_conflict_do_update(
                index_elements=[concepts.c.concept_id], set_={"told_at": insert.excluded.told_at}
            )
            await transaction.execute(again, rows)

        await self._database.write(work)

    async def get(self, concept_id: str) -> KeptConcept | None:
        """The concept, or None where it was never told or is forgotten."""
        query = select(concepts.c.category, concepts.c.words).where(
            concepts.c.concept_id == concept_id, concepts.c.told_at > self._clock() - KEPT
        )
        row = (await self._database.read(lambda transaction: transaction.execute(query))).one_or_none()
        return None if row is None else KeptConcept(row.category, row.words)

    async def purge(self) -> int:
        """Deletes what nobody was told for long; how many."""
        return await purge_rows(self._database, concepts, concepts.c.told_at <= self._clock() - KEPT)
