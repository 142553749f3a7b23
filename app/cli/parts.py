"""What verbs of several groups take, and refuse, alike."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn, TypeVar

import typer
from pydantic import ValidationError
from typer.core import TyperGroup

from models.domain.errors import SettingsRefused

if TYPE_CHECKING:
    from app.store.engine import Database

Result = TypeVar("Result")

MAX_SEED: Final = 2**32 - 1
"""The most that every generator of random numbers here takes."""

Dataset = Annotated[Path, typer.Option("--dataset", metavar="DIR", help="Folder with catalogue and events.")]
Port = Annotated[int | None, typer.Option("--port", metavar="P", min=1, max=65_535, help="By default FIGMENT_PORT.")]
Strict = Annotated[bool, typer.Option("--strict", help="Stop on any problem instead of dropping what is unusable.")]
ColumnMap = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="OURS=THEIRS", help="A column's other name, as in events.user_id=customer."),
]
DatabaseUrl = Annotated[
    str | None, typer.Option("--database", metavar="URL", help="By default FIGMENT_DATABASE_URL.", show_default=False)
]


class WordsOfTheService(TyperGroup):
    """Refuses the value of an option in the words that an answer over HTTP has for it."""

    def invoke(self, ctx: Any) -> Any:
        """What the command returns."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as refused:
            if isinstance(refused.__cause__, ValidationError):
                from app.api.fields import field_problems

                refused.message = field_problems(refused.__cause__)[0].detail
            raise


@contextmanager
def interruptible(if_stopped: str | Callable[[], str]) -> Iterator[None]:
    """Ctrl-C inside ends the process with this line and exit code 1."""
    try:
        yield
    except KeyboardInterrupt:
        print(f"\nfigment: stopped; {if_stopped if isinstance(if_stopped, str) else if_stopped()}", file=sys.stderr)
        raise typer.Exit(1) from None


@contextmanager
def training_stopped(nothing: str, checkpoints: Path) -> Iterator[None]:
    """Ctrl-C or SIGTERM inside ends the process: `nothing` was written, and which checkpoint there is."""
    from models.training.checkpoint import newest_checkpoint

    def if_stopped() -> str:
        found = newest_checkpoint(checkpoints)
        if found is None:
            return f"{nothing} was written, nor a checkpoint yet: the same command begins anew"
        place, step = found
        return f"{nothing} was written; the same command with --resume goes on from step {step} of {place}"

    before = signal.signal(signal.SIGTERM, _as_ctrl_c)
    try:
        with interruptible(if_stopped):
            yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _as_ctrl_c(_: int, __: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def refuse_unwritable(option: str, destination: Path) -> None:
    """Raises SettingsRefused where hours of work would end in nothing: found before they begin."""
    nearest = next(folder for folder in destination.absolute().parents if os.access(folder, os.F_OK))
    if not nearest.is_dir():
        raise SettingsRefused(f"{option} {destination}: {nearest} is not a folder")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise SettingsRefused(f"{option} {destination}: folder {nearest} cannot be written")


def refuse_unwritable_file(option: str, file: Path) -> None:
    """The same for a file, which may be there already and is then written over."""
    refuse_unwritable(option, file)
    if file.is_dir():
        raise SettingsRefused(f"{option} {file}: that is a folder, not a file")
    if file.exists() and not os.access(file, os.W_OK):
        raise SettingsRefused(f"{option} {file}: the file cannot be written")


def in_database(url: str, work: "Callable[[Database], Awaitable[Result]]") -> Result:
    """What `work` returns. Raises what `Database.open` does."""
    from app.observability.logs import configure_logs
    from app.store.engine import Database

    configure_logs("warning")

    async def run() -> Result:
        database = await Database.open(url)
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(run())


def column_map_of(pairs: list[str] | None) -> dict[str, str]:
    """`["events.user_id=customer"]` → `{"events.user_id": "customer"}`."""
    column_map: dict[str, str] = {}
    for pair in pairs or []:
        ours, separator, theirs = pair.partition("=")
        if not (separator and ours and theirs):
            raise typer.BadParameter(f"{pair!r} is not OURS=THEIRS, as in events.user_id=customer", param_hint="--map")
        if ours in column_map:
            both = f"{column_map[ours]!r} and {theirs!r}"
            raise typer.BadParameter(f"{ours} is mapped twice, to {both}", param_hint="--map")
        column_map[ours] = theirs
    return column_map
