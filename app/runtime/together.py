"""Requests that share calls of the model: whatever waits when a thread is free and the loop has read what has come goes
into one call. None waits for a time."""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from app.observability.traces import RequestSpan, current_request_span
from app.observability.work import ObservedWork, WorkStopped
from app.runtime.workers import Deadline, Workers
from models.domain.errors import DeadlineExceeded, ServiceError

MOST_A_CALL: Final = 64
"""More would make the first of a call wait for its last."""
QUIET_TURNS: Final = 5
"""Turns of the loop that bring no further question, before a call begins: from a socket to here takes three or four.

A call of sixteen takes little longer than one of four, and a busy loop takes the interpreter from it anyway.
"""

AnswersAll: TypeAlias = Callable[[Sequence[Any]], Sequence[Any]]
"""One answer a question, in their order; an answer does not depend on who else asks."""


@dataclass(slots=True, eq=False)
class _Waiting:
    question: Any
    answers_all: AnswersAll
    group: object
    deadline: Deadline | None
    answered: "asyncio.Future[Any]"
    span: RequestSpan | None
    call: "_Call | None" = None
    """Set when it has begun."""

    def pass_deadline(self) -> None:
        """Its time is over, whatever becomes of the call."""
        assert self.deadline is not None
        if not self.answered.done():
            self.answered.set_exception(DeadlineExceeded(self.deadline.timeout_ms))


@dataclass(slots=True, eq=False)
class _Call:
    observed: ObservedWork
    asked: Sequence[_Waiting]
    """Nobody once it has ended: else each would hold the others, and what they were answered, in a cycle."""
    has_ended: bool = False

    def abandon_if_alone(self) -> None:
        """Where nobody waits any more, the call ends before its next stage."""
        if not self.has_ended and all(each.answered.done() for each in self.asked):
            self.observed.abandon()


class Together:
    """Runs calls on the threads of `workers`, as many at once as it has threads; each question takes a permit."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._waiting: deque[_Waiting] = deque()
        self._num_calls = 0
        self._num_asked = 0
        self._is_looking = False

    async def ask(
        self, question: Any, answers_all: AnswersAll, *, group: object, deadline: Deadline | None = None
    ) -> Any:
        """The answer of `answers_all` to the question, perhaps beside others of the same group (the same object).

        Raises what `Workers.run` raises, and what `answers_all` raises for the question alone. A question that still
        waits at its deadline, or when its caller is cancelled, is never asked; a call that nobody waits for any more
        ends before its next stage. The permit comes back when the call has ended.
        """
        self._workers.admit(deadline)
        loop = asyncio.get_running_loop()
        waiting = _Waiting(question, answers_all, group, deadline, loop.create_future(), current_request_span())
        self._waiting.append(waiting)
        self._num_asked += 1
        self._begin_soon()
        timer = loop.call_later(deadline.remaining_seconds, waiting.pass_deadline) if deadline else None
        try:
            return await waiting.answered
        finally:
            if timer:
                timer.cancel()
            if waiting.call:
                waiting.call.abandon_if_alone()
            else:
                self._workers.release()
                self._workers.metrics.work_abandoned("never_started")

    def _begin_soon(self) -> None:
        """Once the loop has done what it has to do, if a thread is free."""
        if not self._is_looking and self._num_calls < self._workers.num_threads:
            self._is_looking = True
            asyncio.get_running_loop().call_soon(self._look, self._num_asked, 0)

    def _look(self, num_asked: int, quiet_turns: int) -> None:
        """A turn later than the last look, when so many had ever asked."""
        quiet_turns = quiet_turns + 1 if num_asked == self._num_asked else 0
        if self._waiting and quiet_turns < QUIET_TURNS and len(self._waiting) < MOST_A_CALL:
            asyncio.get_running_loop().call_soon(self._look, self._num_asked, quiet_turns)
        else:
            self._is_looking = False
            self._begin()

    def _begin(self) -> None:
        """Starts calls as long as there are questions and free threads."""
        while self._num_calls < self._workers.num_threads and (asked := self._next_call()):
            self._start(asked)

    def _next_call(self) -> list[_Waiting]:
        """The longest waiting, and those of its group that came after it; nobody who has given up."""
        waiting = [each for each in self._waiting if not each.answered.done()]
        asked = [each for each in waiting if each.group is waiting[0].group][:MOST_A_CALL]
        left = waiting[len(asked) :] if asked == waiting[: len(asked)] else [one for one in waiting if one not in asked]
        self._waiting = deque(left)
        return asked

    def _start(self, asked: list[_Waiting]) -> None:
        ends = (each.deadline.at if each.deadline else math.inf for each in asked)
        call = _Call(ObservedWork(max(ends)), asked)
        for each in asked:
            each.call = call
        questions, answers_all = [each.question for each in asked], asked[0].answers_all
        self._num_calls += 1
        self._workers.num_beside += len(asked) - 1
        loop = asyncio.get_running_loop()
        try:
            job = self._workers.submit(call.observed, lambda: _answers_to(questions, answers_all))
        except RuntimeError as closed:  # the threads are gone: whoever asked is told, as of a call that failed
            job = Future()
            job.set_exception(closed)
        # one message to the loop for all of them: for each it would cost more than their own part of the call
        job.add_done_callback(lambda done: loop.call_soon_threadsafe(self._end, call, done))

    def _end(self, call: _Call, done: "Future[Sequence[Any]]") -> None:
        self._num_calls -= 1
        asked, call.asked = call.asked, ()
        self._workers.num_beside -= len(asked) - 1
        call.has_ended = True
        self._workers.metrics.work_ended(call.observed)
        answers = _outcomes(done, len(asked))
        if num_answered := sum(not isinstance(answer, BaseException) for answer in answers):
            self._workers.metrics.call_answered(num_answered)
        for each, answer in zip(asked, answers, strict=True):
            self._workers.release()
            if each.span:
                each.span.add_stages(call.observed.laps)
            if each.answered.done():
                self._count_abandoned(call.observed, answer)
            else:
                _tell(each, answer)
        self._begin_soon()

    def _count_abandoned(self, observed: ObservedWork, answer: Any) -> None:
        if not isinstance(answer, WorkStopped):
            self._workers.metrics.work_abandoned("finished")
        else:
            self._workers.metrics.work_abandoned("stopped" if observed.has_begun else "never_started")


def _answers_to(questions: Sequence[Any], answers_all: AnswersAll) -> Sequence[Any]:
    """An error is an answer here. What fails for one question must not fail for others: they are asked again, alone.

    Not so what the service itself lacks: an index that does not answer would keep each of them waiting in turn.
    """
    try:
        return answers_all(questions)
    except WorkStopped:
        raise
    except ServiceError as error:
        return [error] * len(questions)
    except Exception as error:  # told to whoever asked
        if len(questions) == 1:
            return [error]
        return [_answers_to([question], answers_all)[0] for question in questions]


def _outcomes(done: "Future[Sequence[Any]]", number: int) -> Sequence[Any]:
    if done.cancelled():  # the threads were closed before the call began
        return [asyncio.CancelledError()] * number
    error = done.exception()
    return [error] * number if error else done.result()


def _tell(waiting: _Waiting, answer: Any) -> None:
    if isinstance(answer, WorkStopped):
        waiting.pass_deadline()
    elif isinstance(answer, asyncio.CancelledError):
        waiting.answered.cancel()
    elif isinstance(answer, BaseException):
        waiting.answered.set_exception(answer)
    else:
        waiting.answered.set_result(answer)
