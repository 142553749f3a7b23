"""The stages of making a list, told to whoever observes the work; where nobody does, telling costs next to nothing."""

# S samples, D features

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from typing import Final, Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

StageName = Literal["encode", "generate", "search", "fuse", "judge", "filter", "rerank", "explain", "picture"]
"""The last is one picture, whole: its parts would blur what these names say of lists."""
Result = TypeVar("Result")


class StageObserver(Protocol):
    """Observes the work of one call; all of it happens in one thread."""

    def stage(self, name: StageName) -> AbstractContextManager[None]:
        """What surrounds a stage; one within another is part of that.

        May raise instead, to stop work that nobody waits for any more.
        """

    def wishes(self, samples_SD: NDArray[np.float32]) -> None:
        """Several wishes generated for one shopper; the array is the caller's, so what is to be kept is copied."""


_NOT_OBSERVED: Final = nullcontext()
_observer: ContextVar[StageObserver | None] = ContextVar("stage_observer", default=None)


def timed(name: StageName) -> AbstractContextManager[None]:
    """What surrounds a stage: `with timed("search"): …`. One name may come several times in one call."""
    observer = _observer.get()
    return _NOT_OBSERVED if observer is None else observer.stage(name)


def tell_wishes(samples_SD: NDArray[np.float32]) -> None:
    """Shows the wishes of one shopper to the observer; one alone says nothing about their spread."""
    observer = _observer.get()
    if observer is not None and len(samples_SD) > 1:
        observer.wishes(samples_SD)


def observed(observer: StageObserver, work: Callable[[], Result]) -> Result:
    """What `work` returns; its stages, in this thread, are told to `observer`."""
    token = _observer.set(observer)
    try:
        return work()
    finally:
        _observer.reset(token)
