"""How long work tells that it goes on."""

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
