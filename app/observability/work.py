"""One piece of work on a worker's thread: when its stages began and ended, and whether anybody still waits for it."""

# S samples, D features

import math
from collections.abc import Callable
from time import perf_counter
from types import TracebackType
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from models.domain.stages import StageName, observed

Result = TypeVar("Result")
Lap = tuple[StageName, float, float]
"""A stage, and time.perf_counter() when it began and when it ended."""


class WorkStopped(Exception):
    """Nobody waits for this work any more, so it ended before its next stage."""


class ObservedWork:
    """A `StageObserver` that writes down what happens; whoever started the work reads it when it has ended.

    It is its own context for every stage: an object for each would cost more than all the rest.
    """

    __slots__ = ("_open", "_stop_at", "has_begun", "is_abandoned", "laps", "seen_wishes")

    def __init__(self, stop_at: float = math.inf) -> None:
        """No stage begins after `stop_at` (time.perf_counter())."""
        self.laps: list[Lap] = []
        self.seen_wishes: NDArray[np.float32] | None = None
        self.has_begun = False
        self.is_abandoned = False
        self._stop_at = stop_at
        self._open: list[tuple[StageName, float]] = []

    def run(self, work: Callable[[], Result]) -> Result:
        """What `work` returns. Raises WorkStopped before `work` begins, or between its stages."""
        if perf_counter() > self._stop_at:
            raise WorkStopped
        self.has_begun = True
        return observed(self, work)

    def abandon(self) -> None:
        """Nobody waits any more: the work ends before its next stage. Called from another thread."""
        self.is_abandoned = True
        self._stop_at = -math.inf

    def stage(self, name: StageName) -> "ObservedWork":
        """As `StageObserver` says."""
        now = perf_counter()
        if now > self._stop_at:
            raise WorkStopped
        self._open.append((name, now))
        return self

    def wishes(self, samples_SD: NDArray[np.float32]) -> None:
        """As `StageObserver` says; the last ones of a call are kept."""
        self.seen_wishes = samples_SD.copy()

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        name, started = self._open.pop()
        if not self._open:
            self.laps.append((name, started, perf_counter()))
