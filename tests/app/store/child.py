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


def finished(process) -> str:
    """What it said; its end must be a good one."""
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return out
