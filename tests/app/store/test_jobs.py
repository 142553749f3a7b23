import asyncio
from datetime import timedelta

import pytest

from app.store.items import ItemStore
from app.store.jobs import JobStore
from tests.app.store.child import child

pytestmark = pytest.mark.anyio

IMPORT = ["import"]


@pytest.fixture
def jobs(database, clock):
    return JobStore(database, clock)


class TestCreate:
    async def test_a_job_waits(self, jobs, clock):
        made = await jobs.create("import", {"rows": [1, "\u0000"]}, key_id="k1")
        assert await jobs.get(made.job_id) == made
        assert (made.state, made.progress, made.attempts, made.created_at) == ("queued", 0.0, 0, clock.now)
        assert (made.payload, made.key_id, made.result, made.error) == ({"rows": [1, "\u0000"]}, "k1", None, None)

    async def test_unknown_job_is_none(self, jobs):
        assert await jobs.get("nothing") is None


class TestTake:
    async def test_hands_out_the_oldest_of_the_asked_kinds(self, jobs, clock):
        first = await jobs.create("import", 1)
        clock.forward(seconds=1)
        await jobs.create("other", 2)
        clock.forward(seconds=1)
        second = await jobs.create("import", 3)
        taken = [await jobs.take(IMPORT), await jobs.take(IMPORT), await jobs.take(IMPORT)]
        assert [one and one.job.job_id for one in taken] == [first.job_id, second.job_id, None]
        assert (taken[0].job.state, taken[0].job.attempts) == ("running", 1)
        assert await jobs.get(first.job_id) == taken[0].job

    async def test_many_workers_get_different_jobs(self, jobs):
        made = {(await jobs.create("import", number)).job_id for number in range(10)}
        taken = await asyncio.gather(*(jobs.take(IMPORT) for _ in range(12)))
        assert sorted(made) == sorted(one.job.job_id for one in taken if one is not None)

    async def test_job_whose_worker_is_gone_is_handed_out_again(self, jobs, clock):
        await jobs.create("import", 1)
        lost = await jobs.take(IMPORT)
        clock.forward(seconds=29)
        assert await jobs.take(IMPORT) is None
        clock.forward(seconds=1)
        again = await jobs.take(IMPORT)
        assert (again.job.job_id, again.job.attempts) == (lost.job.job_id, 2)
        assert not await jobs.heartbeat(lost, 0.9)
        assert not await jobs.finish(lost, "late")
        assert await jobs.finish(again, "mine")
        assert (await jobs.get(lost.job.job_id)).result == "mine"

    async def test_job_that_ends_every_worker_fails_visibly(self, jobs, clock):
        made = await jobs.create("import", 1)
        for _ in range(3):
            assert await jobs.take(IMPORT) is not None
            clock.forward(seconds=30)
        assert await jobs.take(IMPORT) is None
        failed = await jobs.get(made.job_id)
        assert (failed.state, failed.error) == ("failed", "the process that worked on it ended without a word, 3 times")

    async def test_another_process_takes_over_after_kill_9(self, database, database_url):
        jobs = JobStore(database, lease=timedelta(seconds=0.3))
        made = await jobs.create("import", 1)
        body = """
            from app.store.jobs import JobStore
            database = await Database.open(url)
            jobs = JobStore(database, lease=timedelta(seconds=0.3))
            taken = await jobs.take(["import"])
            say(taken.job.job_id)
            while await jobs.heartbeat(taken, 0.5):
                await asyncio.sleep(0.05)
        """
        with child(database_url, body) as process:
            assert process.stdout.readline().strip() == made.job_id
            await asyncio.sleep(0.6)
            assert await jobs.take(IMPORT) is None  # the heartbeat holds it
            process.kill()
            process.wait()
        taken = None
        for _ in range(100):
            taken = taken or await jobs.take(IMPORT)
            await asyncio.sleep(0.01)
        assert (taken.job.attempts, taken.job.progress) == (2, 0.5)


class TestHeartbeat:
    async def test_renews_the_lease_and_tells_progress(self, jobs, clock):
        made = await jobs.create("import", 1)
        taken = await jobs.take(IMPORT)
        for progress in (0.25, None, 7.0):
            clock.forward(seconds=20)
            assert await jobs.heartbeat(taken, progress)
            assert await jobs.take(IMPORT) is None
        assert (await jobs.get(made.job_id)).progress == 1.0
        assert (await jobs.get(made.job_id)).updated_at == clock.now


class TestEnds:
    async def test_finish_keeps_the_result(self, jobs):
        made = await jobs.create("import", 1)
        assert await jobs.finish(await jobs.take(IMPORT), {"accepted": 3})
        done = await jobs.get(made.job_id)
        assert (done.state, done.progress, done.result) == ("done", 1.0, {"accepted": 3})
        assert await jobs.take(IMPORT) is None

    async def test_finish_is_kept_with_the_work_or_not_at_all(self, jobs, database):
        made = await jobs.create("import", 1)
        taken = await jobs.take(IMPORT)

        async def work_and_die(transaction):
            await ItemStore(database).put("tea", {}, within=transaction)
            await jobs.finish(taken, None, within=transaction)
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await database.write(work_and_die)
        assert (await jobs.get(made.job_id)).state == "running"

    async def test_fail_says_why_and_is_final(self, jobs, clock):
        made = await jobs.create("import", 1)
        assert await jobs.fail(await jobs.take(IMPORT), "the file has no rows")
        failed = await jobs.get(made.job_id)
        assert (failed.state, failed.error) == ("failed", "the file has no rows")
        clock.forward(hours=1)
        assert await jobs.take(IMPORT) is None

    async def test_given_back_it_waits_again_and_the_try_does_not_count(self, jobs):
        made = await jobs.create("import", 1)
        for _ in range(5):
            assert await jobs.give_back(await jobs.take(IMPORT))
        assert (await jobs.get(made.job_id)).attempts == 0
        assert await jobs.take(IMPORT) is not None


class TestPurge:
    async def test_deletes_old_jobs_that_ended(self, jobs, clock):
        ended, waiting = await jobs.create("import", 1), await jobs.create("other", 1)
        await jobs.finish(await jobs.take(IMPORT), None)
        clock.forward(days=1)
        assert await jobs.purge(timedelta(days=1, seconds=1)) == 0
        assert await jobs.purge(timedelta(days=1)) == 1
        assert await jobs.get(ended.job_id) is None
        assert await jobs.get(waiting.job_id) is not None


class TestUnfinished:
    async def test_are_counted_by_kind_and_key(self, jobs, clock):
        for kind, key_id in (("import", "k1"), ("import", "k1"), ("import", "k1"), ("import", None), ("other", "k1")):
            await jobs.create(kind, 1, key_id=key_id)
            clock.forward(seconds=1)
        assert await jobs.finish(await jobs.take(IMPORT), "made")
        assert await jobs.take(IMPORT) is not None  # one that runs is not done
        assert await jobs.num_unfinished("import", "k1") == 2
        assert await jobs.num_unfinished("import", None) == 1
        assert await jobs.num_unfinished("import", "k2") == 0

    async def test_are_those_that_wait_or_run_the_oldest_first(self, jobs, clock):
        made = []
        for _ in range(4):
            made.append((await jobs.create("import", None)).job_id)
            clock.forward(seconds=1)
        await jobs.create("other", None)
        await jobs.finish(await jobs.take(IMPORT), None)
        await jobs.fail(await jobs.take(IMPORT), "no")
        await jobs.take(IMPORT)
        assert [job.job_id for job in await jobs.unfinished("import")] == made[2:]
