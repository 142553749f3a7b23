"""Rate limits that hold over all processes on one database: storage for the package `limits`, which has none for SQL.

Each hit is one statement that the database carries out as a whole, so two processes never both take the last one.
On PostgreSQL the table is not logged, so a hit waits for no disk. On SQLite it does, and there is only one machine:
`limits.aio.storage.MemoryStorage` is the better choice there.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Any, Final

from limits.aio.storage import SlidingWindowCounterSupport, Storage
from limits.storage.base import TimestampedSlidingWindow
from sqlalchemy import BigInteger, ColumnElement, case, delete, func, literal, select

from app.store.columns import Clock, UtcDateTime, utc_now
from app.store.engine import Database, Transaction
from app.store.purging import purge_rows
from app.store.tables import rate_counters
from app.store.upsert import insert_into
from models.domain.errors import StoreError

HITS: Final = rate_counters.c.hits


class RateLimitStorage(Storage, SlidingWindowCounterSupport, TimestampedSlidingWindow):
    """Give it to `limits.aio.strategies.SlidingWindowCounterRateLimiter` or `FixedWindowRateLimiter`."""

    STORAGE_SCHEME = ["async+figment"]  # noqa: RUF012  limits declares it as an instance's

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        super().__init__()
        self._database = database
        self._clock = clock

    @property
    def base_exceptions(self) -> type[Exception]:
        """What `limits` may wrap; it is not asked to."""
        return StoreError

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Hits of the fixed window with these; a window begins with its first hit."""
        now = self._clock()
        over = rate_counters.c.expires_at <= now

        async def work(transaction: Transaction) -> int:
            insert = insert_into(rate_counters, transaction).values(
                counter_digest=_digest(key), hits=amount, expires_at=now + timedelta(seconds=expiry)
            )
            counted = insert.on_conflict_do_update(
                index_elements=[rate_counters.c.counter_digest],
                set_={
                    "hits": case((over, insert.excluded.hits), else_=HITS + insert.excluded.hits),
                    "expires_at": case((over, insert.excluded.expires_at), else_=rate_counters.c.expires_at),
                },
            )
            return int((await transaction.execute(counted.returning(HITS))).scalar_one())

        return await self._database.write(work)

    async def get(self, key: str) -> int:
        """Hits of the window so far."""
        query = select(HITS).where(self._current(key))
        return int((await self._database.read(lambda transaction: transaction.execute(query))).scalar() or 0)

    async def get_expiry(self, key: str) -> float:
        """When the window ends, in epoch seconds; now, where there is none."""
        query = select(rate_counters.c.expires_at).where(self._current(key))
        found: datetime | None = (await self._database.read(lambda transaction: transaction.execute(query))).scalar()
        return (found or self._clock()).timestamp()

    async def acquire_sliding_window_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Whether the hits fit: those of the current window, and of the previous one the share that still counts."""
        now = self._clock()
        previous_key, current_key = self.sliding_window_keys(key, expiry, now.timestamp())
        share = _remaining_share(now, expiry)
        previous = (
            select(func.coalesce(func.max(HITS), 0))
            .where(rate_counters.c.counter_digest == _digest(previous_key))
            .scalar_subquery()
        )
        # in whole numbers, as both engines round a product of floats differently: the share counts in millionths
        weighted = previous * round(share * 1_000_000)
        room = (literal(limit - amount, BigInteger) * 1_000_000 + 999_999) - weighted

        async def work(transaction: Transaction) -> bool:
            columns = ["counter_digest", "hits", "expires_at"]
            first: list[ColumnElement[Any]] = [
                literal(_digest(current_key)),
                literal(amount, BigInteger),
                literal(now + timedelta(seconds=2 * expiry), UtcDateTime),
            ]
            insert = insert_into(rate_counters, transaction).from_select(columns, select(*first).where(room >= 0))
            taken = insert.on_conflict_do_update(
                index_elements=[rate_counters.c.counter_digest],
                set_={"hits": HITS + insert.excluded.hits},
                where=room >= HITS * 1_000_000,
            )
            return (await transaction.execute(taken.returning(HITS))).scalar() is not None

        return await self._database.write(work)

    async def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        """Hits of the previous window and the seconds for which they count, then those of the current one."""
        now = self._clock()
        previous_key, current_key = self.sliding_window_keys(key, expiry, now.timestamp())
        previous, current = await self.get(previous_key), await self.get(current_key)
        remaining = _remaining_share(now, expiry) * expiry
        return previous, remaining if previous else 0.0, current, remaining + expiry

    async def clear_sliding_window(self, key: str, expiry: int) -> None:
        """Forgets both windows."""
        for window in self.sliding_window_keys(key, expiry, self._clock().timestamp()):
            await self.clear(window)

    async def clear(self, key: str) -> None:
        """Forgets the window."""
        mine = delete(rate_counters).where(rate_counters.c.counter_digest == _digest(key))
        await self._database.write(lambda transaction: transaction.execute(mine))

    async def check(self) -> bool:
        """Whether the database answers."""
        try:
            await self._database.check()
        except StoreError:
            return False
        return True

    async def reset(self) -> int:
        """Forgets everything; how many windows."""

        async def work(transaction: Transaction) -> int:
            return (await transaction.execute(delete(rate_counters))).rowcount

        return await self._database.write(work)

    async def purge(self) -> int:
        """Deletes windows that are over; how many."""
        return await purge_rows(self._database, rate_counters, rate_counters.c.expires_at <= self._clock())

    def _current(self, key: str) -> ColumnElement[bool]:
        return (rate_counters.c.counter_digest == _digest(key)) & (rate_counters.c.expires_at > self._clock())


def _remaining_share(now: datetime, expiry: int) -> float:
    """Of the current window; the previous one counts with the same share."""
    return 1 - (now.timestamp() / expiry) % 1


def _digest(key: str) -> str:
    """Bounded, and nothing of a key or an address stands in the table."""
    return hashlib.sha256(key.encode()).hexdigest()
