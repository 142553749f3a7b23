"""Progress of long work on standard error: a bar at a terminal, now and then a line elsewhere."""

import time
from types import TracebackType
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

SECONDS_BETWEEN_LINES: Final = 10.0
"""Where no bar can be drawn, the most that a log has to say."""


class TaskProgress:
    """`models.domain.progress.Progress` for people; use it as a context, so that an error leaves no half bar."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._bar: Progress | None = None
        self._task = ""
        self._total: int | None = None
        self._done = self._done_then = 0
        self._started = self._told = time.monotonic()

    def __enter__(self) -> "TaskProgress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clear()

    def start(self, task: str, total: int | None = None) -> None:
        """A task begins; `total` steps if that is known."""
        self._clear()
        self._task, self._total, self._done, self._done_then = task, total, 0, 0
        self._started = self._told = time.monotonic()
        if self._console.is_terminal:
            self._bar = Progress(*_columns(total), console=self._console, transient=True)
            self._bar.add_task(task, total=total, note="", rate="")
            self._bar.start()
        else:
            self._say(f"{task} ...")

    def advance(self, steps: int = 1, note: str = "") -> None:
        """`steps` more are done; `note` is the newest thing worth reading."""
        self._done += steps
        now = time.monotonic()
        if self._bar:
            task = self._bar.tasks[0]
            rate = f"{self._done / max(now - self._started, 1e-9):,.4g}/s"
            self._bar.update(task.id, completed=self._done, rate=rate, note=note or task.fields["note"])
        elif now - self._told >= SECONDS_BETWEEN_LINES:
            self._say(f"{self._task}: {self._so_far(now)}{'; ' if note else ''}{note}")
            self._told, self._done_then = now, self._done

    def finish(self, note: str = "") -> None:
        """The task is done; `note` sums it up."""
        self._clear()
        self._say(f"{self._task}: {note or 'done'} ({time.monotonic() - self._started:.1f} s)")

    def _so_far(self, now: float) -> str:
        """What is done, and how long the rest takes at the pace since the last line: a resumed task begins far on."""
        if not self._total or self._done == self._done_then:
            return f"{self._done:,}"
        seconds_left = (self._total - self._done) * (now - self._told) / (self._done - self._done_then)
        return f"{self._done:,} of {self._total:,}, about {seconds_left:,.0f} s left"

    def _say(self, line: str) -> None:
        self._console.print(Text(line), soft_wrap=True)

    def _clear(self) -> None:
        if self._bar:
            self._bar.stop()
            self._bar = None


def _columns(
    total: int | None,
) -> list[SpinnerColumn | TextColumn | BarColumn | MofNCompleteColumn | TimeRemainingColumn]:
    columns: list[SpinnerColumn | TextColumn | BarColumn | MofNCompleteColumn | TimeRemainingColumn]
    columns = [SpinnerColumn(), TextColumn("{task.description}", markup=False)]
    if total is not None:
        columns += [BarColumn(bar_width=24), MofNCompleteColumn(), TimeRemainingColumn()]
    return [*columns, TextColumn("{task.fields[rate]}"), TextColumn("{task.fields[note]}", markup=False)]
