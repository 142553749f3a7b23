"""A list that was on its way while its shopper was erased is not stored afterwards, by whichever process.

What was asked before the erasure must be left out, and to know that without keeping who was erased: a name leaves
two bytes of its digest and the time. They are enough to find what to leave out, and too few to tell who it was; now
and then somebody else's list of the same moment is left out with it.
"""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select

from app.store.engine import Transaction
from app.store.tables import recent_erasures
from app.store.upsert import insert_into

KEPT: Final = timedelta(days=1)
"""Longer than anything is on its way."""
CLOCKS_DIFFER: Final = timedelta(seconds=5)
"""Between machines that share a database; what was asked this soon after an erasure is left out too."""
BUCKETS_A_QUERY: Final = 1000


async def note_erased(transaction: Transaction, names: Iterable[str], now: datetime) -> None:
    """Within the transaction that erases them."""
    buckets = sorted({_bucket(name) for name in names})
    insert = insert_into(recent_erasures, transaction)
    upsert = insert.on_conflict_do_update(
        index_elements=[recent_erasures.c.bucket], set_={"erased_at": insert.excluded.erased_at}
    )
    await transaction.execute(upsert, [{"bucket": bucket, "erased_at": now} for bucket in buckets])


async def erased_since(transaction: Transaction, asked: Sequence[tuple[Collection[str], datetime]]) -> list[bool]:
    """For each (names, time when they asked) whether one of the names was erased after it."""
    buckets = sorted({_bucket(name) for names, _ in asked for name in names})
    erased: dict[int, datetime] = {}
    for start in range(0, len(buckets), BUCKETS_A_QUERY):
        batch = buckets[start : start + BUCKETS_A_QUERY]
        query = select(recent_erasures.c.bucket, recent_erasures.c.erased_at)
        found = await transaction.execute(query.where(recent_erasures.c.bucket.in_(batch)))
        erased |= {row.bucket: row.erased_at for row in found}
    if not erased:
        return [False] * len(asked)
    return [
        any(time <= erased[bucket] + CLOCKS_DIFFER for bucket in map(_bucket, names) if bucket in erased)
        for names, time in asked
    ]


def _bucket(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:2], "big")
