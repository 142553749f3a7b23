import io

import pytest
from rich.console import Console

from app.observability import progress as module
from app.observability.progress import TaskProgress


@pytest.fixture
def log():
    return Console(file=io.StringIO(), width=200)


@pytest.fixture
def terminal():
    return Console(file=io.StringIO(), width=200, force_terminal=True, color_system=None)


def text_of(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


class TestAwayFromATerminal:
    def test_a_task_is_two_lines(self, log):
        with TaskProgress(log) as progress:
            progress.start("embedding", total=3)
            for _ in range(3):
                progress.advance()
            progress.finish("3 texts")
        first, second = text_of(log).splitlines()
        assert first == "embedding ..."
        assert second.startswith("embedding: 3 texts (0.")

    def test_long_tasks_tell_now_and_then_and_how_long_the_rest_takes(self, log, monkeypatch):
        seconds = 0.0
        monkeypatch.setattr(module.time, "monotonic", lambda: seconds)
        with TaskProgress(log) as progress:
            progress.start("training", total=2000)
            progress.advance(1000)  # resumed there
            for now in (9.0, 10.0, 15.0, 20.0):
                seconds = now
                progress.advance(100, note="loss 0.5")
        assert text_of(log).splitlines()[1:] == [
            "training: 1,200 of 2,000, about 7 s left; loss 0.5",
            "training: 1,400 of 2,000, about 30 s left; loss 0.5",
        ]

    def test_brackets_are_no_markup(self, log):
        with TaskProgress(log) as progress:
            progress.start("reading [bold]")
            progress.finish("[red]")
        assert "reading [bold]: [red]" in text_of(log)


class TestAtATerminal:
    def test_a_bar_shows_steps_and_note(self, terminal):
        with TaskProgress(terminal) as progress:
            progress.start("training", total=20)
            progress.advance(7, note="loss 0.5")
            progress.finish("done well")
        assert "7/20" in text_of(terminal)
        assert "loss 0.5" in text_of(terminal)
        assert "training: done well" in text_of(terminal)

    def test_an_error_leaves_the_cursor_visible(self, terminal):
        def fail() -> None:
            with TaskProgress(terminal) as progress:
                progress.start("training", total=2)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        hidden, shown = text_of(terminal).rfind("\x1b[?25l"), text_of(terminal).rfind("\x1b[?25h")
        assert 0 <= hidden < shown

    def test_a_task_of_unknown_length_needs_no_total(self, terminal):
        with TaskProgress(terminal) as progress:
            progress.start("reading")
            progress.advance(5)
            progress.finish()
        assert "reading: done" in text_of(terminal)
