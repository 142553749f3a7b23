import asyncio
import threading
import time

import pytest

from app.runtime.workers import Deadline, Workers, within
from models.domain.errors import DeadlineExceeded, Overloaded


@pytest.fixture
def gate():
    """Work that waits for it ends with the test at the latest: the interpreter joins its threads."""
    event = threading.Event()
    yield event
    event.set()


def deadline(timeout_ms):
    return Deadline(timeout_ms, started=time.perf_counter())


async def until_in_flight(workers, number):
    while workers.in_flight > number:
        await asyncio.sleep(0.001)


async def warm(workers):
    """A first thread has started, which takes longer than some deadlines on a busy machine."""
    await workers.run(lambda: None)
    return workers


class TestWorkers:
    def test_answers_what_the_work_returns_off_the_loop(self):
        async def check():
            return await Workers(threads=1, max_in_flight=1).run(threading.current_thread)

        assert asyncio.run(check()) is not threading.main_thread()

    def test_prepares_each_thread_first(self):
        async def check():
            prepared = set()
            workers = Workers(threads=1, max_in_flight=1, prepare=lambda: prepared.add(threading.current_thread().name))
            return await workers.run(lambda: threading.current_thread().name in prepared)

        assert asyncio.run(check())

    def test_raises_what_the_work_raises_and_frees_the_permit(self):
        async def check():
            workers = Workers(threads=1, max_in_flight=1)
            with pytest.raises(ZeroDivisionError):
                await workers.run(lambda: 1 / 0)
            assert workers.in_flight == 0

        asyncio.run(check())

    def test_one_more_than_the_permits_is_refused_at_once(self, gate):
        async def check():
            workers = Workers(threads=1, max_in_flight=2)
            running = [asyncio.create_task(workers.run(gate.wait)) for _ in range(2)]
            await asyncio.sleep(0)
            assert workers.is_full
            with pytest.raises(Overloaded, match="2 requests are in flight, the limit is 2"):
                await workers.run(gate.wait)
            gate.set()
            assert await asyncio.gather(*running) == [True, True]
            assert workers.in_flight == 0

        asyncio.run(check())

    def test_work_past_its_deadline_keeps_its_permit_until_it_ends(self, gate):
        async def check():
            workers = await warm(Workers(threads=1, max_in_flight=1))
            with pytest.raises(DeadlineExceeded, match="100 ms"):
                await workers.run(gate.wait, deadline=deadline(100))
            assert workers.in_flight == 1
            gate.set()
            await until_in_flight(workers, 0)

        asyncio.run(check())

    def test_work_that_waits_at_its_deadline_is_never_started(self, gate):
        async def check():
            workers = Workers(threads=1, max_in_flight=2)
            started = []
            running = asyncio.create_task(workers.run(gate.wait))
            await asyncio.sleep(0)
            with pytest.raises(DeadlineExceeded):
                await workers.run(lambda: started.append(1), deadline=deadline(5))
            await until_in_flight(workers, 1)
            gate.set()
            await running
            assert started == []

        asyncio.run(check())

    def test_late_failure_of_given_up_work_is_not_an_unseen_error(self, gate, caplog):
        async def check():
            workers = await warm(Workers(threads=1, max_in_flight=1))

            def fail():
                gate.wait()
                raise ValueError

            with pytest.raises(DeadlineExceeded):
                await workers.run(fail, deadline=deadline(100))
            gate.set()
            await until_in_flight(workers, 0)

        asyncio.run(check())
        assert caplog.records == []

    def test_deadline_counts_from_when_the_request_came(self):
        assert Deadline(5, started=time.perf_counter() - 1).remaining_seconds == 0


class TestWithin:
    def test_gives_up_at_the_deadline(self):
        async def check():
            async with within(deadline(20)):
                await asyncio.sleep(60)

        with pytest.raises(DeadlineExceeded, match="20 ms"):
            asyncio.run(check())

    def test_lets_other_errors_through(self):
        async def check(limit):
            async with within(limit):
                raise TimeoutError("another one")

        for limit in (None, deadline(60_000)):
            with pytest.raises(TimeoutError, match="another one"):
                asyncio.run(check(limit))
