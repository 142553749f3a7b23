"""Rate limits that hold over all processes on one database: storage for the package `limits`, which has none for SQL.

Each hit is one statement that the database carries out as a whole, so two processes never both take the last one.
On PostgreSQL the table is not logged, so a hit waits for no disk. On SQLite it does, and there is only one machine:
counting in memory is the better choice there.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Any, Final

from limits.aio.storage import SlidingWindowCounterSupport, Storage
from limits.storage.base import TimestampedSlidingWindow
from sqlalchemy import BigInteger, ColumnElement, ScalarSelect, Text, bindparam, case, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningInsert

from app.store.columns import Clock, UtcDateTime, utc_now
from app.store.engine import Database, Transaction
from app.store.purging import purge_rows
from app.store.sliding_window import SlidingWindow
from app.store.tables import rate_counters
from app.store.upsert import Upsert, insert_into
from models.domain.errors import StoreError

HITS: Final = rate_counters.c.hits


def _hits_of(digest: str) -> ScalarSelect[int]:
    """Of the window whose digest is the parameter of this name."""
    hits = func.coalesce(func.max(HITS), 0)
    return select(hits).where(rate_counters.c.counter_digest == bindparam(digest)).scalar_subquery()


def _taking(insert: Upsert) -> ReturningInsert[int]:
    """Counts the hits where they fit and returns how many there are then; returns nothing where they do not."""
    room = bindparam("room", type_=BigInteger) - _hits_of("previous_digest") * bindparam("overlap", type_=BigInteger)
    first: list[ColumnElement[Any]] = [
        bindparam("current_digest", type_=Text),
        bindparam("amount", type_=BigInteger),
        bindparam("expires_at", type_=UtcDateTime),
    ]
    counted = insert.from_select(["counter_digest", "hits", "expires_at"], select(*first).where(room >= 0))
    return counted.on_conflict_do_update(
        index_elements=[rate_counters.c.counter_digest],
        set_={"hits": HITS + insert.excluded.hits},
        where=room >= HITS * 1_000_000,
    ).returning(HITS)


# made once: to put them together takes longer than PostgreSQL needs to carry them out
COUNTS: Final = select(_hits_of("previous_digest"), _hits_of("current_digest"))
TAKING_ON_SQLITE: Final = _taking(sqlite.insert(rate_counters))
TAKING_ON_POSTGRESQL: Final = COUNTS.add_columns(
    select(_taking(postgresql.insert(rate_counters)).cte("taken").c.hits).scalar_subquery()
)


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
        return (await self.take(key, limit, expiry, amount)).taken

    async def take(self, key: str, limit: int, seconds: int, amount: int = 1) -> SlidingWindow:
        """The window after the hits, which are counted if they fit. On PostgreSQL one statement and one round trip."""
        now = self._clock()
        overlap = _remaining_share(now, seconds)
        previous_digest, current_digest = map(_digest, self.sliding_window_keys(key, seconds, now.timestamp()))
        values = {
            "previous_digest": previous_digest,
            "current_digest": current_digest,
            "amount": amount,
            "expires_at": now + timedelta(seconds=2 * seconds),
            # in whole numbers, as both engines round a product of floats differently: the overlap counts in millionths
            "overlap": round(overlap * 1_000_000),
            "room": (limit - amount) * 1_000_000 + 999_999,
        }

        async def work(transaction: Transaction) -> tuple[int, int, int | None]:
            if transaction.dialect.name == "postgresql":
                previous, current, hits = (await transaction.execute(TAKING_ON_POSTGRESQL, values)).one()
                if hits is None:  # what refused may have come after what this statement counted
                    previous, current = (await transaction.execute(COUNTS, values)).one()
                return previous, current, hits
            taken = (await transaction.execute(TAKING_ON_SQLITE, values)).scalar()  # it takes no INSERT in a query
            previous, current = (await transaction.execute(COUNTS, values)).one()
            return previous, current, taken

        previous, current, hits = await self._database.alone(work)
        return SlidingWindow(
            limit=limit,
            seconds=seconds,
            taken=hits is not None,
            previous=previous,
            current=current if hits is None else hits,
            elapsed=(1 - overlap) * seconds,
        )

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
