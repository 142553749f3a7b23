"""Which bundle serves, as all processes of a shop agree on it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, select, update

from app.store.columns import Clock, utc_now
from app.store.engine import Database, Transaction
from app.store.tables import active_model
from app.store.upsert import insert_into

THE_ROW: Final = 1


@dataclass(frozen=True, slots=True)
class ActiveModel:
    """The choice and the one before."""

    version: str
    previous: str | None
    switches: int
    """Grows with every choice, so that a process that polls knows whether something changed."""
    switched_at: datetime


class ActiveModelStore:
    """Remembers the switch; other processes see it when they ask next."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def get(self) -> ActiveModel | None:
        """None: nobody has chosen yet."""
        return await self._database.read(_read)

    async def activate(self, version: str) -> ActiveModel:
        """From now on this version serves. What is active already is chosen anew: since then, a promotion may have made
        processes serve another."""

        async def work(transaction: Transaction) -> ActiveModel:
            first = insert_into(active_model, transaction).values(
                active_model_id=THE_ROW, version=version, previous=None, switches=1, switched_at=self._clock()
            )
            if (await transaction.execute(first.on_conflict_do_nothing())).rowcount:
                return await _must_read(transaction)
            return await self._switch(transaction, await _must_read(transaction, lock=True), version)

        return await self._database.write(work)

    async def _switch(self, transaction: Transaction, found: ActiveModel, version: str) -> ActiveModel:
        switched = update(active_model).values(
            version=version,
            previous=found.previous if found.version == version else found.version,
            switches=found.switches + 1,
            switched_at=self._clock(),
        )
        await transaction.execute(switched)
        return await _must_read(transaction)


async def _read(transaction: Transaction, *, lock: bool = False) -> ActiveModel | None:
    query = select(active_model)
    row = (await transaction.execute(query.with_for_update() if lock else query)).one_or_none()
    return None if row is None else _model(row)


async def _must_read(transaction: Transaction, *, lock: bool = False) -> ActiveModel:
    found = await _read(transaction, lock=lock)
    assert found is not None
    return found


def _model(row: Row[Any]) -> ActiveModel:
    return ActiveModel(row.version, row.previous, row.switches, row.switched_at)
