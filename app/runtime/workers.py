"""Threads for the work, behind a gate of permits: what cannot be taken on is refused at once, not queued for ever."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import TypeVar

from app.observability.metrics import Metrics
from app.observability.traces import RequestSpan, current_request_span
from app.observability.work import ObservedWork, WorkStopped
from models.domain.errors import DeadlineExceeded, Overloaded

Given = TypeVar("Given")
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


class within:  # noqa: N801  # called like a function
    """Whatever is waited for inside is given up at the deadline. Raises DeadlineExceeded then.

    A class, because a generator as a context costs three times as much, and every request has two.
    """

    __slots__ = ("_deadline", "_timeout")

    def __init__(self, deadline: Deadline | None) -> None:
        self._deadline = deadline
        self._timeout = asyncio.timeout(deadline.remaining_seconds if deadline else None)

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError:
            assert self._deadline
            raise DeadlineExceeded(self._deadline.timeout_ms) from None


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
        self.num_beside = 0
        """Of those in flight, how many are in a call that another one began."""
        self.metrics = metrics or Metrics()
        """What the work is counted and timed by."""
        self.num_threads = threads
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
        return max(0, self.in_flight - self.num_beside - self.num_threads)

    async def run(self, work: Callable[[], Result], *, deadline: Deadline | None = None) -> Result:
        """What `work` returns. Raises Overloaded without a free permit, DeadlineExceeded at the deadline.

        Work that still waits for a thread at its deadline, or when its caller is cancelled, is never started; running
        work ends before its next stage (`models.domain.stages`). Its permit comes back only when it has ended.
        """
        (result,) = await self.run_in_turn([work], deadline=deadline)
        return result

    async def run_in_turn(
        self, pieces: Sequence[Callable[[], Result]], *, deadline: Deadline | None = None
    ) -> list[Result]:
        """What each piece returns; it begins when the one before has ended, so that other work comes in between.

        Each takes a permit before the first begins, and gives it back when it has ended or will never begin. Raises
        what `run` raises.
        """
        self.admit(deadline, permits=len(pieces))
        results: list[Result] = []
        left = len(pieces)
        try:
            for work in pieces:
                left -= 1
                results.append(await self._run_admitted(work, deadline))
        finally:
            self.release(left)
        return results

    async def run_on(
        self,
        read: Callable[[], Awaitable[Given]],
        work: Callable[[Given], Result],
        *,
        deadline: Deadline | None = None,
    ) -> Result:
        """What `work` returns of what `read` gives; nothing is read without a permit. Raises what both raise."""
        self.admit(deadline)
        try:
            given = await read()
        except BaseException:
            self.release()
            raise
        return await self._run_admitted(lambda: work(given), deadline)

    async def _run_admitted(self, work: Callable[[], Result], deadline: Deadline | None) -> Result:
        observed = ObservedWork(deadline.at) if deadline else ObservedWork()
        job = self.submit(observed, work)
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

    def refuse_if_full(self) -> None:
        """Raises Overloaded where no permit is free."""
        if self.is_full:
            raise Overloaded(self.in_flight, self.max_in_flight)

    def admit(self, deadline: Deadline | None = None, *, permits: int = 1) -> None:
        """Takes permits, which `release` gives back. Raises Overloaded, and DeadlineExceeded past the deadline."""
        if self.in_flight + permits > self.max_in_flight:
            raise Overloaded(self.in_flight, self.max_in_flight, permits)
        if deadline and not deadline.remaining_seconds:
            self.metrics.work_abandoned("never_started")
            raise DeadlineExceeded(deadline.timeout_ms)
        self.in_flight += permits

    def release(self, permits: int = 1) -> None:
        """Permits come back."""
        self.in_flight -= permits

    def submit(self, observed: ObservedWork, work: Callable[[], Result]) -> "Future[Result]":
        """The work, to be begun when a thread is free; whoever submits it has a permit."""
        return self._pool.submit(observed.run, work)

    def close(self) -> None:
        """Starts nothing that still waits; what runs goes on."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _ended(self, observed: ObservedWork, span: RequestSpan | None, waiting: "asyncio.Future[Result]") -> None:
        self.release()
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
