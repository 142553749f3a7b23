"""Experiments of several runs: each finished one is a file that a second start skips."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

FIGMENT = Path(sys.executable).with_name("figment")


def finished(file: Path, run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The record in `file`; made now unless it is there."""
    if not file.exists():
        found = run()
        file.parent.mkdir(parents=True, exist_ok=True)
        # whole or not at all: a kill must not leave half a record that the next start takes for a finished run
        fresh = file.with_suffix(".writing")
        fresh.write_text(json.dumps(found, indent=1) + "\n")
        fresh.rename(file)
    record: dict[str, Any] = json.loads(file.read_text())
    return record


def figment(*arguments: str) -> tuple[int, str]:
    """(exit code, what it said)."""
    ended = subprocess.run(
        [str(FIGMENT), *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return ended.returncode, ended.stdout
