"""How long work tells that it goes on."""

from dataclasses import dataclass
from typing import Protocol


class Progress(Protocol):
    """A listener of one long task after another; the command line draws bars from it."""

    def start(self, task: str, total: int | None = None) -> None:
        """A task begins; `total` steps if that is known."""

    def advance(self, steps: int = 1, note: str = "") -> None:
        """`steps` more are done; `note` is the newest thing worth reading (a loss, a rate)."""

    def finish(self, note: str = "") -> None:
        """The task is done; `note` sums it up."""


class NoProgress:
    """Says nothing."""

    def start(self, task: str, total: int | None = None) -> None:
        """Ignored."""

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Ignored."""

    def finish(self, note: str = "") -> None:
        """Ignored."""


@dataclass(frozen=True, slots=True)
class ProgressOn:
    """Names what every task is done on: the same tasks come again on something else."""

    progress: Progress
    what: str

    def start(self, task: str, total: int | None = None) -> None:
        """`training` → `training on 4,102 events`."""
        self.progress.start(f"{task} on {self.what}", total)

    def advance(self, steps: int = 1, note: str = "") -> None:
        """As it is told."""
        self.progress.advance(steps, note)

    def finish(self, note: str = "") -> None:
        """As it is told."""
        self.progress.finish(note)
