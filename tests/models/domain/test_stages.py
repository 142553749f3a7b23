from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from models.domain.stages import observed, tell_wishes, timed


class Notes:
    """A `StageObserver` that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self.told.append(f"{name} begins")
        yield
        self.told.append(f"{name} ends")

    def wishes(self, samples_SD: np.ndarray) -> None:
        self.told.append(f"{len(samples_SD)} wishes")


def work() -> str:
    with timed("generate"):
        tell_wishes(np.zeros((3, 2), np.float32))
        tell_wishes(np.zeros((1, 2), np.float32))
    return "done"


class TestObserved:
    def test_work_tells_its_stages_and_answers_as_ever(self) -> None:
        notes = Notes()
        assert observed(notes, work) == "done"
        assert notes.told == ["generate begins", "3 wishes", "generate ends"]

    def test_unobserved_work_answers_as_ever(self) -> None:
        assert work() == "done"

    def test_nobody_is_told_any_more_once_the_work_has_failed(self) -> None:
        notes = Notes()
        with pytest.raises(ZeroDivisionError):
            observed(notes, lambda: 1 // 0)
        work()
        assert notes.told == []
