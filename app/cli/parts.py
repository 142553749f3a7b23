"""What verbs of several groups take, and refuse, alike."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from models.domain.errors import SettingsRefused

MAX_SEED: Final = 2**32 - 1
"""The most that every generator of random numbers here takes."""

Dataset = Annotated[Path, typer.Option("--dataset", metavar="DIR", help="Folder with catalogue and events.")]
Strict = Annotated[bool, typer.Option("--strict", help="Stop on any problem instead of dropping what is unusable.")]
ColumnMap = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="OURS=THEIRS", help="A column's other name, as in events.user_id=customer."),
]


@contextmanager
def interruptible(if_stopped: str) -> Iterator[None]:
    """Ctrl-C inside ends the process with this line and exit code 1."""
    try:
        yield
    except KeyboardInterrupt:
        print(f"\nfigment: stopped; {if_stopped}", file=sys.stderr)
        raise typer.Exit(1) from None


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
