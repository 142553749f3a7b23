import time

import numpy as np
import pytest

from app.observability.work import ObservedWork, WorkStopped
from models.domain.stages import tell_wishes, timed


def names(work: ObservedWork) -> list[str]:
    return [name for name, _, _ in work.laps]


class TestObservedWork:
    def test_writes_down_each_stage_with_its_times(self):
        work = ObservedWork()

        def make_list() -> str:
            with timed("search"):
                time.sleep(0.01)
            with timed("judge"):
                pass
            return "list"

        before = time.perf_counter()
        assert work.run(make_list) == "list"
        (_, searched, found), (_, judged, done) = work.laps
        assert names(work) == ["search", "judge"]
        assert before <= searched < found <= judged <= done <= time.perf_counter()
        assert found - searched >= 0.01

    def test_a_stage_within_another_is_part_of_that(self):
        work = ObservedWork()

        def explain() -> None:
            with timed("explain"), timed("generate"):
                pass

        work.run(explain)
        assert names(work) == ["explain"]

    def test_a_stage_that_fails_is_written_down_too(self):
        work = ObservedWork()

        def fail() -> None:
            with timed("judge"):
                raise ValueError

        with pytest.raises(ValueError):  # noqa: PT011 - the one above
            work.run(fail)
        assert names(work) == ["judge"]

    def test_given_up_work_ends_before_its_next_stage(self):
        work = ObservedWork()

        def work_on() -> None:
            with timed("search"):
                work.abandon()
            with timed("judge"):
                raise AssertionError("nobody waits for this")

        with pytest.raises(WorkStopped):
            work.run(work_on)
        assert names(work) == ["search"]

    def test_work_past_its_time_does_not_begin(self):
        work = ObservedWork(stop_at=time.perf_counter() - 1)
        with pytest.raises(WorkStopped):
            work.run(lambda: None)
        assert not work.has_begun

    def test_keeps_a_copy_of_several_wishes_and_none_of_one(self):
        work = ObservedWork()
        wishes_SD = np.ones((2, 3), np.float32)

        def generate() -> None:
            tell_wishes(wishes_SD)
            tell_wishes(np.zeros((1, 3), np.float32))
            wishes_SD[:] = 0

        work.run(generate)
        assert work.seen_wishes is not None
        assert work.seen_wishes.sum() == 6

    def test_outside_of_observed_work_nothing_is_written_down(self):
        work = ObservedWork()
        work.run(lambda: None)
        with timed("search"):
            tell_wishes(np.ones((2, 3), np.float32))
        assert work.laps == []
        assert work.seen_wishes is None
