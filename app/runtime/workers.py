"""Threads for the work, behind a gate of permits: what cannot be taken on is refused at once, not queued for ever."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from app.observability.metrics import Metrics
from app.observability.traces import RequestSpan, current_request_span
from app.observability.work import ObservedWork, WorkStopped
from models.domain.errors import DeadlineExceeded, Overloaded

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Deadline:
    """A request's time limit, counted from when it came in."""

    timeout_ms: int
    started: float
    """time.perf_counter() then."""

    @property
    def at(self) -> float:
        """When it passes, by time.perf_counter()."""
        return self.started + self.timeout_ms / 1000

    @property
    def remaining_seconds(self) -> float:
        """Time left, at least 0."""
        return max(0.0, self.at - time.perf_counter())


@asynccontextmanager
async def within(deadline: Deadline | None) -> AsyncIterator[None]:
    """Whatever is waited for inside is given up at the deadline. Raises DeadlineExceeded then."""
    if deadline is None:
        yield
        return
    timeout = asyncio.timeout(deadline.remaining_seconds)
    try:
        async with timeout:
            yield
    except TimeoutError:
        if not timeout.expired():
            raise  # something else took too long
        raise DeadlineExceeded(deadline.timeout_ms) from None


class Workers:
    """Runs work off the event loop, at most `max_in_flight` pieces queued or running."""

    def __init__(
        self,
        *,
        threads: int,
        max_in_flight: int,
        prepare: Callable[[], None] | None = None,
        metrics: Metrics | None = None,
        is_watched: bool = True,
    ) -> None:
        """`prepare` runs first in each thread. `is_watched`: the queue that the metrics tell of is this one."""
        self.max_in_flight = max_in_flight
        self.in_flight = 0
        self.metrics = metrics or Metrics()
        """What the work is counted and timed by."""
        self._threads = threads
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="work", initializer=prepare)
        if is_watched:
            self.metrics.watch_queue(lambda: self.num_waiting)

    @property
    def is_full(self) -> bool:
        """Whether the next piece of work would be refused."""
        return self.in_flight >= self.max_in_flight

    @property
    def num_waiting(self) -> int:
        """Pieces of work that no thread has taken up yet."""
        return max(0, self.in_flight - self._threads)

    async def run(self, work: Callable[[], Result], *, deadline: Deadline | None = None) -> Result:
        """What `work` returns. Raises Overloaded without a free permit, DeadlineExceeded at the deadline.

        Work that still waits for a thread at its deadline, or when its caller is cancelled, is never started; running
        work ends before its next stage (`models.domain.stages`). Its permit comes back only when it has ended.
        """
        if self.is_full:
            raise Overloaded(self.in_flight, self.max_in_flight)
        if deadline and not deadline.remaining_seconds:
            self.metrics.work_abandoned("never_started")
            raise DeadlineExceeded(deadline.timeout_ms)
        observed = ObservedWork(deadline.at) if deadline else ObservedWork()
        job = self._pool.submit(observed.run, work)
        self.in_flight += 1
        waiting = asyncio.wrap_future(job)
        waiting.add_done_callback(partial(self._ended, observed, current_request_span()))
        try:
            await asyncio.wait({waiting}, timeout=deadline.remaining_seconds if deadline else None)
        except asyncio.CancelledError:
            _give_up(job, observed)
            raise
        if deadline and (not waiting.done() or isinstance(waiting.exception(), WorkStopped)):
            _give_up(job, observed)
            raise DeadlineExceeded(deadline.timeout_ms)
        return waiting.result()

    def close(self) -> None:
        """Starts nothing that still waits; what runs goes on."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _ended(self, observed: ObservedWork, span: RequestSpan | None, waiting: "asyncio.Future[Result]") -> None:
        self.in_flight -= 1
        self.metrics.work_ended(observed)
        if span:
            span.add_stages(observed.laps)
        # the exception is read, or asyncio reports work whose caller gave up as an error nobody saw
        if waiting.cancelled() or (isinstance(waiting.exception(), WorkStopped) and not observed.has_begun):
            self.metrics.work_abandoned("never_started")
        elif isinstance(waiting.exception(), WorkStopped):
            self.metrics.work_abandoned("stopped")
        elif observed.is_abandoned:
            self.metrics.work_abandoned("finished")


def _give_up(job: "Future[Result]", observed: ObservedWork) -> None:
    observed.abandon()
    job.cancel()
