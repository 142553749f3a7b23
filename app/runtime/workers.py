"""Threads for the work, behind a gate of permits: what cannot be taken on is refused at once, not queued for ever."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from models.domain.errors import DeadlineExceeded, Overloaded

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Deadline:
    """A caller's own time limit, counted from when the request came in."""

    timeout_ms: int
    started: float
    """time.perf_counter() then."""

    @property
    def remaining_seconds(self) -> float:
        """Time left, at least 0."""
        return max(0.0, self.started + self.timeout_ms / 1000 - time.perf_counter())


class Workers:
    """Runs work off the event loop, at most `max_in_flight` pieces queued or running."""

    def __init__(self, *, threads: int, max_in_flight: int, prepare: Callable[[], None] | None = None) -> None:
        """`prepare` runs first in each thread."""
        self.max_in_flight = max_in_flight
        self.in_flight = 0
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="recommend", initializer=prepare)

    @property
    def is_full(self) -> bool:
        """Whether the next piece of work would be refused."""
        return self.in_flight >= self.max_in_flight

    async def run(self, work: Callable[[], Result], *, deadline: Deadline | None = None) -> Result:
        """What `work` returns. Raises Overloaded without a free permit, DeadlineExceeded at the deadline.

        Running work cannot be stopped, so a permit comes back when the work ends, not when its caller gives up;
        work that still waits for a thread at its deadline is never started.
        """
        if self.is_full:
            raise Overloaded(self.in_flight, self.max_in_flight)
        self.in_flight += 1
        job = self._pool.submit(work)
        waiting = asyncio.wrap_future(job)
        waiting.add_done_callback(self._release)
        await asyncio.wait({waiting}, timeout=deadline.remaining_seconds if deadline else None)
        if deadline and not waiting.done():
            job.cancel()
            raise DeadlineExceeded(deadline.timeout_ms)
        return waiting.result()

    def close(self) -> None:
        """Starts nothing that still waits; what runs goes on."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _release(self, waiting: "asyncio.Future[Result]") -> None:
        self.in_flight -= 1
        if not waiting.cancelled():
            waiting.exception()  # read, or asyncio reports work whose caller gave up as an error nobody saw
