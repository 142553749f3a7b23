"""The documents, their commands, and the command line that they should agree with."""

import re
from collections.abc import Iterator
from pathlib import Path

import typer.main

from app.cli import cli

REPOSITORY = Path(__file__).parents[2]
WRITTEN_BY_HAND = [
    *(REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "clients/python/README.md")),
    *sorted((REPOSITORY / "docs").rglob("*.md")),
]


def shell_blocks(document: Path) -> list[str]:
    """What the document tells to type, block by block."""
    return re.findall(r"^```sh\n(.*?)^```", document.read_text(), flags=re.MULTILINE | re.DOTALL)


def command_line() -> dict[str, set[str]]:
    """Verb → its options; `bundle list` is a verb of two words."""
    return dict(_verbs("", typer.main.get_command(cli)))


def _verbs(name: str, command) -> Iterator[tuple[str, set[str]]]:
    yield name, {"--help"} | {option for parameter in command.params for option in parameter.opts if option[:2] == "--"}
    for verb, inner in getattr(command, "commands", {}).items():
        yield from _verbs(f"{name} {verb}".strip(), inner)
