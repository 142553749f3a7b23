"""Counting requests against limits: in memory, or in a database that all processes share."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from app.observability.logs import get_log
from app.store.rate_limits import RateLimitStorage
from app.store.sliding_window import SlidingWindow
from app.store.store import Store
from models.domain.errors import StoreError

WINDOW_SECONDS: Final = 60
MAX_COUNTS: Final = 100_000
"""Keys and addresses counted at once; where there are more, those that were first heard of longest ago make room."""
ROOM_FOR_COUNTS: Final = 90_000
"""So many stay then, so that room is not made for each one anew."""
SHARED_SECONDS: Final = 0.5
"""The longest that the database may take to count one request."""
AWAY_SECONDS: Final = 5.0
"""After the database did not count, until it is asked again."""

log = get_log(__name__)


class MemoryCounts:
    """Counts of this process. `limits`' own storage in memory walks through all counters with each hit: 4 ms where
    twenty thousand addresses are counted."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._counts: dict[str, tuple[int, int, int]] = {}
        """Number of the newest window, hits of the one before, its own hits."""
        self._swept = 0

    def take(self, name: str, limit: int, seconds: int = WINDOW_SECONDS) -> SlidingWindow:
        """The window after one more hit, which is counted if it fits."""
        number, elapsed = divmod(self._clock(), seconds)
        number = int(number)
        if number > self._swept or (len(self._counts) >= MAX_COUNTS and name not in self._counts):
            self._sweep(number)
        newest, before, own = self._counts.get(name, (number, 0, 0))
        if newest != number:
            before, own = (own if newest == number - 1 else 0), 0
        fits = before * (1 - elapsed / seconds) + own < limit
        own += fits
        self._counts[name] = (number, before, own)
        return SlidingWindow(limit, seconds, taken=fits, previous=before, current=own, elapsed=elapsed)

    def _sweep(self, number: int) -> None:
        """Forgets what no longer counts."""
        self._swept = number
        self._counts = {name: count for name, count in self._counts.items() if count[0] >= number - 1}
        for name in list(self._counts)[: max(0, len(self._counts) - ROOM_FOR_COUNTS)]:
            del self._counts[name]


class RequestCounts:
    """Counts in the database where several processes share one, else in memory; in memory too while it is away."""

    def __init__(self) -> None:
        self._memory = MemoryCounts()
        self._shared: RateLimitStorage | None = None
        self._away_until = 0.0

    def open(self, store: Store) -> None:
        """On SQLite there is one machine, and a write of each request would wait for its disk."""
        self._shared = store.rate_limits if store.database.engine == "postgresql" else None

    async def take(self, name: str, limit: int) -> SlidingWindow:
        """The window of a minute after one more request, which is counted if it fits."""
        if self._shared is not None and time.monotonic() >= self._away_until:
            try:
                async with asyncio.timeout(SHARED_SECONDS):
                    return await self._shared.take(name, limit, WINDOW_SECONDS)
            except (StoreError, TimeoutError) as error:
                self._away_until = time.monotonic() + AWAY_SECONDS
                log.warning("requests are counted by this process alone", reason=str(error) or type(error).__name__)
        return self._memory.take(name, limit)
