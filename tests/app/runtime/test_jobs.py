import asyncio
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from app.runtime import jobs as jobs_module
from app.runtime.jobs import JobWorker
from app.store.jobs import JobStore
from models.domain.errors import ServiceError

pytestmark = pytest.mark.anyio

KIND = "work"


@pytest.fixture
def database(store):
    return store.database


@pytest.fixture
def jobs(database):
    return JobStore(database)


@pytest.fixture
def running():
    """Starts a worker with one handler, and closes it after the test."""
    workers = []

    def start(jobs, handle):
        workers.append(JobWorker(jobs, {KIND: handle}))
        workers[-1].start()
        return workers[-1]

    yield start
    assert all(worker._task.done() for worker in workers)


async def ended(jobs, job_id):
    async with asyncio.timeout(60):
        while (job := await jobs.get(job_id)).state not in ("done", "failed"):
            await asyncio.sleep(0.02)
    return job


class TestWorker:
    async def test_what_the_handler_returns_is_the_result(self, jobs, running):
        async def handle(job, tell):
            tell(0.5)
            return {"sum": sum(job.payload)}

        worker = running(jobs, handle)
        job = await ended(jobs, (await jobs.create(KIND, [1, 2])).job_id)
        await worker.close()
        assert (job.state, job.progress, job.result, job.error) == ("done", 1.0, {"sum": 3}, None)

    async def test_errors_fail_the_job_and_end_nothing_else(self, jobs, running):
        async def handle(job, tell):
            raise ServiceError("no room for user-1") if job.payload == "ours" else KeyError("secret")

        with capture_logs() as lines:
            worker = running(jobs, handle)
            ours, unforeseen = [await jobs.create(KIND, payload) for payload in ("ours", "unforeseen")]
            told = [(await ended(jobs, job.job_id)).error for job in (ours, unforeseen)]
            await worker.close()
        assert told[0] == "no room for user-1"
        assert "secret" not in told[1]
        (failed,) = (line for line in lines if line["event"] == "job failed")
        assert (failed["job_id"], failed["error"]) == (ours.job_id, "ServiceError")
        assert "user-1" not in str(lines)

    async def test_what_nobody_foresaw_ends_no_worker(self, jobs, running, monkeypatch):
        """Neither while it looks for a job, nor beside one: that goes back first, and is begun again."""
        monkeypatch.setattr(jobs_module, "POLL_SECONDS", 0.01)
        monkeypatch.setattr(jobs_module, "HEARTBEAT_SECONDS", 0.02)
        fails, begun = ["take", "heartbeat"], []

        class FailingOnce(JobStore):
            async def take(self, *arguments):
                return await self._once("take", super().take, *arguments)

            async def heartbeat(self, *arguments):
                return await self._once("heartbeat", super().heartbeat, *arguments)

            async def _once(self, name, works, *arguments):
                if name in fails:
                    fails.remove(name)
                    raise KeyError(name)
                return await works(*arguments)

        async def handle(job, tell):
            begun.append(job.attempts)
            while fails:
                await asyncio.sleep(0.01)
            return "done"

        worker = running(FailingOnce(jobs._database), handle)
        job = await ended(jobs, (await jobs.create(KIND, None)).job_id)
        await worker.close()
        assert (job.state, job.result, fails, len(begun)) == ("done", "done", [], 2)

    async def test_a_worker_that_closes_gives_its_job_back(self, jobs, running):
        begun = asyncio.Event()

        async def handle(job, tell):
            begun.set()
            await asyncio.Event().wait()

        worker = running(jobs, handle)
        job = await jobs.create(KIND, None)
        worker.wake()
        await begun.wait()
        await worker.close()
        found = await jobs.get(job.job_id)
        assert (found.state, found.attempts) == ("queued", 0)

    async def test_what_is_being_taken_when_a_worker_closes_goes_back_too(self, database, running):
        taken, may_end = asyncio.Event(), asyncio.Event()

        class SlowToTell(JobStore):
            async def take(self, kinds):
                found = await super().take(kinds)
                taken.set()
                await may_end.wait()
                return found

        jobs = SlowToTell(database)
        job = await jobs.create(KIND, None)
        worker = running(jobs, None)
        await taken.wait()
        assert (await jobs.get(job.job_id)).state == "running"
        closing = asyncio.ensure_future(worker.close())
        await asyncio.sleep(0)
        may_end.set()
        await closing
        found = await jobs.get(job.job_id)
        assert (found.state, found.attempts) == ("queued", 0)

    async def test_a_worker_closes_though_taking_fails_meanwhile(self, database, running):
        begun, may_end = asyncio.Event(), asyncio.Event()

        class FailsLate(JobStore):
            async def take(self, kinds):
                begun.set()
                await may_end.wait()
                raise KeyError("what nobody foresaw")

        worker = running(FailsLate(database), None)
        await begun.wait()
        closing = asyncio.ensure_future(worker.close())
        await asyncio.sleep(0)
        may_end.set()
        async with asyncio.timeout(60):
            await closing

    async def test_work_stops_where_another_process_has_the_job(self, database, running, monkeypatch):
        monkeypatch.setattr(jobs_module, "HEARTBEAT_SECONDS", 0.05)
        jobs = JobStore(database, lease=timedelta(0))
        stopped = asyncio.Event()

        async def handle(job, tell):
            try:
                await asyncio.Event().wait()
            finally:
                stopped.set()

        worker = running(jobs, handle)
        job = await jobs.create(KIND, None)
        async with asyncio.timeout(60):
            while (await jobs.get(job.job_id)).state != "running":
                await asyncio.sleep(0.01)
            other = await jobs.take([KIND])
            assert other is not None
            await stopped.wait()
        await worker.close()
