"""Other processes on the same database."""

import subprocess
import sys
import textwrap
from contextlib import contextmanager

PROLOGUE = """
import asyncio, os, signal, sys
from datetime import datetime, timedelta, UTC
from app.observability.logs import configure_logs
from app.store.engine import Database

configure_logs("warning")

def say(*words):
    print(*words, flush=True)

async def main(url):
"""
EPILOGUE = """
asyncio.run(main(sys.argv[1]))
"""


@contextmanager
def child(url: str, body: str):
    """A process that runs the body of `async def main(url)`; ended with the block."""
    program = PROLOGUE + textwrap.indent(textwrap.dedent(body), "    ") + EPILOGUE
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", program, url],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


LOOK = """
import pathlib, sys
for file in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    content = file.read_bytes()
    print(*(f"{file.name}\\t{name}" for name in sys.argv[2:] if name.encode() in content), sep="\\n")
"""


def places_in_files(folder, *names):
    """Which of the names are in a byte of which file of the folder.

    Another process looks: closing a file that SQLite has open in this one would take its locks away.
    """
    asked = [sys.executable, "-I", "-S", "-c", LOOK, folder, *names]
    found = subprocess.run(asked, check=True, capture_output=True, text=True, timeout=60).stdout.splitlines()
    return [tuple(line.split("\t")) for line in found if line]


def finished(process) -> str:
    """What it said; its end must be a good one."""
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return out
