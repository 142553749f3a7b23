import asyncio
import gc
import threading
import time
import weakref

import pytest

from app.runtime.together import MOST_A_CALL, QUIET_TURNS, Together
from app.runtime.workers import Deadline, Workers
from models.domain.errors import DeadlineExceeded, IndexUnavailable, Overloaded
from models.domain.stages import timed

GROUP = object()


@pytest.fixture
def gate():
    event = threading.Event()
    yield event
    event.set()


class Model:
    """Doubles numbers, and knows which came together; the first call waits for the gate."""

    def __init__(self, gate):
        self.gate = gate
        self.calls = []

    def __call__(self, questions):
        self.calls.append(list(questions))
        if len(self.calls) == 1:
            self.gate.wait()
        with timed("generate"):
            return [2 * question for question in questions]


@pytest.fixture
def model(gate):
    return Model(gate)


def deadline(timeout_ms):
    return Deadline(timeout_ms, started=time.perf_counter())


def together(threads=1, max_in_flight=1000):
    workers = Workers(threads=threads, max_in_flight=max_in_flight)
    return Together(workers), workers


async def until(is_so):
    while not is_so():
        await asyncio.sleep(0.001)


async def asked_in_turn(shared, workers, questions, answers, model, groups=(GROUP,)):
    """The others once the first is being answered, so that they have to wait."""
    first, *others = (
        shared.ask(question, answers, group=groups[place % len(groups)]) for place, question in enumerate(questions)
    )
    asked = [asyncio.create_task(first)]
    await until(lambda: model.calls)
    asked += [asyncio.create_task(each) for each in others]
    await until(lambda: workers.in_flight == len(asked))
    return asked


class TestTogether:
    def test_a_lone_question_waits_for_nobody(self, model, gate):
        gate.set()

        async def check():
            shared, _ = together()
            return await shared.ask(1, model, group=GROUP)

        assert asyncio.run(check()) == 2
        assert model.calls == [[1]]

    def test_those_whom_the_loop_reads_turn_after_turn_share_a_call(self, model, gate):
        gate.set()

        async def asks(shared, number):
            for _ in range(number):
                await asyncio.sleep(0)
            return await shared.ask(number, model, group=GROUP)

        async def check():
            shared, _ = together()
            return await asyncio.gather(*(asks(shared, number) for number in range(20)))

        assert asyncio.run(check()) == [2 * number for number in range(20)]
        assert model.calls == [list(range(20))]

    def test_nobody_is_waited_for_longer_than_the_loop_is_busy(self, model, gate):
        gate.set()

        async def check():
            shared, _ = together()
            first = asyncio.create_task(shared.ask(0, model, group=GROUP))
            for _ in range(QUIET_TURNS + 3):
                await asyncio.sleep(0)
            second = asyncio.create_task(shared.ask(1, model, group=GROUP))
            await asyncio.gather(first, second)

        asyncio.run(check())
        assert model.calls == [[0], [1]]

    def test_asked_after_the_end_fails_at_once_and_gives_its_permit_back(self, model):
        async def check():
            shared, workers = together()
            workers.close()
            with pytest.raises(RuntimeError, match="shutdown"):
                await asyncio.wait_for(shared.ask(1, model, group=GROUP), 5)
            assert workers.in_flight == 0

        asyncio.run(check())

    def test_what_waits_when_a_thread_is_free_is_one_call(self, model, gate):
        async def check():
            shared, workers = together()
            asked = await asked_in_turn(shared, workers, range(5), model, model)
            gate.set()
            assert await asyncio.gather(*asked) == [0, 2, 4, 6, 8]
            assert workers.in_flight == 0

        asyncio.run(check())
        assert model.calls == [[0], [1, 2, 3, 4]]

    def test_waiting_are_those_that_no_call_has_taken(self, model, gate):
        second = threading.Event()

        def answers(questions):
            model.calls.append(list(questions))
            (gate if len(model.calls) == 1 else second).wait()
            return questions

        async def check():
            shared, workers = together()
            asked = await asked_in_turn(shared, workers, range(4), answers, model)
            assert workers.num_waiting == 3
            gate.set()
            await until(lambda: len(model.calls) == 2)
            assert (workers.in_flight, workers.num_waiting) == (3, 0)
            second.set()
            await asyncio.gather(*asked)
            assert (workers.in_flight, workers.num_waiting, workers.num_beside) == (0, 0, 0)

        asyncio.run(check())

    def test_a_call_has_an_end(self, model, gate):
        async def check():
            shared, workers = together()
            asked = await asked_in_turn(shared, workers, range(MOST_A_CALL + 2), model, model)
            gate.set()
            await asyncio.gather(*asked)

        asyncio.run(check())
        assert [len(call) for call in model.calls] == [1, MOST_A_CALL, 1]

    def test_groups_are_never_mixed(self, model, gate):
        async def check():
            shared, workers = together()
            asked = await asked_in_turn(shared, workers, range(6), model, model, groups=(object(), object()))
            gate.set()
            assert await asyncio.gather(*asked) == [0, 2, 4, 6, 8, 10]

        asyncio.run(check())
        assert model.calls == [[0], [1, 3, 5], [2, 4]]

    def test_one_that_fails_fails_alone(self, gate):
        gate.set()

        def fails_for_three(questions):
            return [6 // (3 - question) for question in questions]

        async def check():
            shared, workers = together()
            asked = [shared.ask(number, fails_for_three, group=GROUP) for number in range(5)]
            found = await asyncio.gather(*asked, return_exceptions=True)
            assert workers.in_flight == 0
            return found

        found = asyncio.run(check())
        assert [found[number] for number in (0, 1, 2, 4)] == [2, 3, 6, -6]
        assert isinstance(found[3], ZeroDivisionError)

    def test_what_the_service_lacks_is_told_to_all_at_once(self):
        calls = []

        def has_no_index(questions):
            calls.append(list(questions))
            raise IndexUnavailable("127.0.0.1:19530", "no answer in time")

        async def check():
            shared, workers = together()
            asked = [shared.ask(number, has_no_index, group=GROUP) for number in range(5)]
            found = await asyncio.gather(*asked, return_exceptions=True)
            assert workers.in_flight == 0
            return found

        assert all(isinstance(error, IndexUnavailable) for error in asyncio.run(check()))
        assert calls == [[0, 1, 2, 3, 4]]

    def test_each_takes_a_permit(self, model, gate):
        async def check():
            shared, workers = together(max_in_flight=2)
            asked = [asyncio.create_task(shared.ask(number, model, group=GROUP)) for number in range(2)]
            await until(lambda: model.calls)
            assert workers.is_full
            with pytest.raises(Overloaded):
                await shared.ask(3, model, group=GROUP)
            gate.set()
            await asyncio.gather(*asked)
            assert workers.in_flight == 0

        asyncio.run(check())

    def test_one_that_waits_at_its_deadline_is_never_asked(self, model, gate):
        async def check():
            shared, workers = together()
            first = asyncio.create_task(shared.ask(1, model, group=GROUP))
            await until(lambda: model.calls)
            with pytest.raises(DeadlineExceeded, match="20 ms"):
                await shared.ask(2, model, group=GROUP, deadline=deadline(20))
            assert workers.in_flight == 1
            gate.set()
            await first

        asyncio.run(check())
        assert model.calls == [[1]]

    def test_a_call_ends_before_its_next_stage_when_all_have_given_up(self, gate):
        begun, ended = threading.Event(), []

        def in_stages(questions):
            begun.set()
            gate.wait()
            with timed("generate"):
                ended.append(questions)
            return questions

        async def check():
            shared, workers = together()
            asked = asyncio.create_task(shared.ask(1, in_stages, group=GROUP))
            await until(begun.is_set)
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
            assert workers.in_flight == 1
            gate.set()
            await until(lambda: workers.in_flight == 0)

        asyncio.run(check())
        assert ended == []

    def test_whoever_still_waits_is_answered_though_others_gave_up(self, model, gate):
        async def check():
            shared, workers = together()
            first = asyncio.create_task(shared.ask(1, model, group=GROUP))
            await until(lambda: model.calls)
            leaves, stays = (asyncio.create_task(shared.ask(number, model, group=GROUP)) for number in (2, 3))
            await asyncio.sleep(0)
            leaves.cancel()
            gate.set()
            assert await stays == 6
            await asyncio.gather(first, leaves, return_exceptions=True)
            assert workers.in_flight == 0

        asyncio.run(check())
        assert model.calls == [[1], [3]]

    def test_what_was_answered_goes_without_a_search_for_garbage(self):
        """That search stops all other answers."""

        class Answer:
            pass

        async def check():
            shared, _ = together()
            answer = await shared.ask(
                1, lambda questions: [Answer() for _ in questions], group=GROUP, deadline=deadline(60_000)
            )
            return weakref.ref(answer)

        gc.collect()
        gc.disable()
        try:
            assert asyncio.run(check())() is None
        finally:
            gc.enable()
