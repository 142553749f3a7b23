"""Deleting what has had its time, in pieces between which others get their turn."""

from typing import Any, Final

from sqlalchemy import Table, delete, select, tuple_

from app.store.engine import Database, Transaction

ROWS_A_TRANSACTION: Final = 2000


async def purge_rows(database: Database, table: Table, condition: Any) -> int:
    """Deletes all rows that meet the condition; how many."""
    key = tuple_(*table.primary_key.columns)

    async def purge_some(transaction: Transaction) -> int:
        some = select(*table.primary_key.columns).where(condition).limit(ROWS_A_TRANSACTION)
        return int((await transaction.execute(delete(table).where(key.in_(some)))).rowcount)

    purged = 0
    while some := await database.write(purge_some):
        purged += some
    return purged
