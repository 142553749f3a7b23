import asyncio
import threading
import time
from functools import partial

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
            with pytest.raises(Overloaded, match="2 of 2 permits are taken, and the request needs 1"):
                await workers.run(gate.wait)
            gate.set()
            assert await asyncio.gather(*running) == [True, True]
            assert workers.in_flight == 0

        asyncio.run(check())

    def test_other_work_comes_in_between_the_pieces_of_one(self, gate):
        async def check():
            workers = Workers(threads=1, max_in_flight=4)
            begun = []

            def piece(number):
                begun.append(number)
                gate.wait()
                return number

            batch = asyncio.create_task(workers.run_in_turn([partial(piece, number) for number in range(3)]))
            await asyncio.sleep(0)
            lone = asyncio.create_task(workers.run(lambda: begun.append("lone")))
            await asyncio.sleep(0)
            gate.set()
            await lone
            assert await batch == [0, 1, 2]
            assert begun == [0, "lone", 1, 2]
            assert workers.in_flight == 0

        asyncio.run(check())

    def test_each_piece_takes_a_permit_and_gives_it_back(self, gate):
        async def check():
            workers = Workers(threads=1, max_in_flight=3)
            second = threading.Event()
            batch = asyncio.create_task(workers.run_in_turn([second.wait, gate.wait]))
            await asyncio.sleep(0)
            assert workers.in_flight == 2
            with pytest.raises(Overloaded, match="2 of 3 permits are taken, and the request needs 2"):
                await workers.run_in_turn([gate.wait] * 2)
            second.set()
            await until_in_flight(workers, 1)
            gate.set()
            assert await batch == [True, True]
            assert workers.in_flight == 0

        asyncio.run(check())

    @pytest.mark.parametrize("gives_up", [lambda batch: batch.cancel(), lambda _: None])
    def test_pieces_after_the_last_that_anybody_waited_for_never_begin(self, gate, gives_up):
        async def check():
            workers = await warm(Workers(threads=1, max_in_flight=3))
            begun = []
            batch = asyncio.create_task(
                workers.run_in_turn([gate.wait, *[lambda: begun.append(1)] * 2], deadline=deadline(100))
            )
            await asyncio.sleep(0.01)
            gives_up(batch)
            with pytest.raises((DeadlineExceeded, asyncio.CancelledError)):
                await batch
            assert workers.in_flight == 1
            gate.set()
            await until_in_flight(workers, 0)
            assert begun == []

        asyncio.run(check())

    def test_a_piece_that_fails_is_the_last(self):
        async def check():
            workers = Workers(threads=1, max_in_flight=3)
            begun = []
            with pytest.raises(ZeroDivisionError):
                await workers.run_in_turn([lambda: begun.append(0), lambda: 1 / 0, lambda: begun.append(2)])
            assert (begun, workers.in_flight) == ([0], 0)

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


class TestRunOn:
    def test_nothing_is_read_without_a_permit(self, gate):
        async def check():
            workers = await warm(Workers(threads=1, max_in_flight=1))
            reads = []

            async def read():
                reads.append(workers.in_flight)
                return 20

            assert await workers.run_on(read, lambda given: given + 1) == 21
            busy = asyncio.create_task(workers.run(gate.wait))
            await asyncio.sleep(0)
            with pytest.raises(Overloaded):
                await workers.run_on(read, lambda given: given)
            gate.set()
            await busy
            assert reads == [1]
            assert workers.in_flight == 0

        asyncio.run(check())

    def test_a_read_that_fails_gives_its_permit_back(self):
        async def check():
            workers = Workers(threads=1, max_in_flight=1)

            async def read():
                raise ConnectionError

            with pytest.raises(ConnectionError):
                await workers.run_on(read, lambda given: given)
            assert workers.in_flight == 0

        asyncio.run(check())


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
