"""Works on durable jobs: one after the other, with a heartbeat, so that another process takes over from a dead one."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from app.observability.logs import get_log
from app.runtime.going_on import going_on
from app.store.jobs import Job, JobStore, TakenJob
from models.domain.errors import FigmentError, StoreError

POLL_SECONDS: Final = 2.0
"""A job that is asked for here is begun at once; so long waits only what another process gave back or died over. A look
takes milliseconds of the loop, and there are three workers."""
HEARTBEAT_SECONDS: Final = 1.0
"""So often progress is written too; the lease is thirty times as long."""

TellProgress = Callable[[float], None]
"""Called with 0 to 1, as often as one likes."""
Handler = Callable[[Job, TellProgress], Awaitable[Any]]
"""Does the job and returns its result, JSON. A job may be begun again after a crash: what is done already is done."""

log = get_log(__name__)


class JobWorker:
    """Runs as long as the service does."""

    def __init__(self, jobs: JobStore, handlers: Mapping[str, Handler]) -> None:
        self._jobs = jobs
        self._handlers = handlers
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """From now on jobs are taken."""
        self._task = asyncio.create_task(self._run_forever())

    def wake(self) -> None:
        """There is a new job: it need not wait for the next look."""
        self._wake.set()

    async def close(self) -> None:
        """Takes no more; a job that is not done goes back, for another process or the next start."""
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run_forever(self) -> None:
        while True:
            self._wake.clear()
            with going_on("no job can be taken"):
                taken = await self._take()
                if taken is not None:
                    await self._work_on(taken)
                    continue
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), POLL_SECONDS)

    async def _take(self) -> TakenJob | None:
        taking = asyncio.ensure_future(self._jobs.take(list(self._handlers)))
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError:  # the store finishes what it began: what it took would be nobody's for a lease
            # whatever goes wrong here must not take the place of the cancellation: the worker would go on for ever
            with going_on("a job that was being taken waits for its lease"):
                if (taken := await taking) is not None:
                    await self._give_back(taken)
            raise

    async def _work_on(self, taken: TakenJob) -> None:
        progress = taken.job.progress

        def tell(now: float) -> None:
            nonlocal progress
            progress = max(progress, now)

        log.info("job begun", job_id=taken.job.job_id, kind=taken.job.kind, attempt=taken.job.attempts)
        work = asyncio.ensure_future(self._handlers[taken.job.kind](taken.job, tell))
        try:
            while not work.done():
                await asyncio.wait({work}, timeout=HEARTBEAT_SECONDS)
                if not work.done() and not await self._is_ours(taken, progress):
                    await _stop(work)
                    log.warning("job is not ours any more", job_id=taken.job.job_id)
                    return
            await self._end(taken, work)
        except BaseException:  # the service ends, or what nobody foresaw: nothing is worked on that nobody watches
            await _stop(work)
            await self._give_back(taken)
            raise

    async def _is_ours(self, taken: TakenJob, progress: float) -> bool:
        try:
            return await self._jobs.heartbeat(taken, progress)
        except StoreError as error:  # nobody else can take it either
            log.warning("no heartbeat", job_id=taken.job.job_id, reason=str(error))
            return True

    async def _end(self, taken: TakenJob, work: "asyncio.Future[Any]") -> None:
        error = work.exception()
        try:
            if error is None:
                await self._jobs.finish(taken, work.result())
                log.info("job done", job_id=taken.job.job_id)
            elif isinstance(error, FigmentError):
                await self._jobs.fail(taken, str(error))
                # its message can quote what was asked; whoever asked reads it in the job
                log.warning("job failed", job_id=taken.job.job_id, error=type(error).__name__)
            else:  # an entry point: what nobody foresaw ends here, with its stack in the log
                log.error("job failed unexpectedly", job_id=taken.job.job_id, exc_info=error)
                await self._jobs.fail(taken, "an unexpected error; the service's log has it under this job_id")
        except StoreError as away:  # its lease runs out, and it is begun again
            log.warning("job's end is not written", job_id=taken.job.job_id, reason=str(away))

    async def _give_back(self, taken: TakenJob) -> None:
        try:
            await self._jobs.give_back(taken)
            log.info("job given back", job_id=taken.job.job_id)
        except StoreError as error:
            log.warning("job cannot be given back", job_id=taken.job.job_id, reason=str(error))


async def _stop(work: "asyncio.Future[Any]") -> None:
    work.cancel()
    await asyncio.wait({work})
    if not work.cancelled():
        work.exception()  # read, or asyncio reports it as an error nobody saw
