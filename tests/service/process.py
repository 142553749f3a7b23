"""A serving process of one's own, as an operator starts it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import psutil

from tests.app.conftest import sqlite_url

START_SECONDS = 60  # how long a busy machine may take; what is promised is measured in CPU seconds


@dataclass(frozen=True)
class ServingProcess:
    process: "subprocess.Popen[str]"
    client: httpx.Client
    log: Path

    def ask(self, **body: Any) -> httpx.Response:
        return self.client.post("/v1/recommendations", json=body)

    def wait_until_ready(self) -> None:
        give_up = time.monotonic() + START_SECONDS
        while self._status("/health/ready") != 200:
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < give_up, self.log.read_text()
            time.sleep(0.02)

    def _status(self, path: str) -> int:
        try:
            return self.client.get(path).status_code
        except httpx.TransportError:
            return 0

    def cpu_seconds(self) -> float:
        times = psutil.Process(self.process.pid).cpu_times()
        return times.user + times.system


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def environment(settings: Mapping[str, object]) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("FIGMENT_")}
    return {**clean, **{f"FIGMENT_{name.upper()}": str(value) for name, value in settings.items()}}


COMMAND = (sys.executable, "-m", "app.main")
SCRIPTED = (sys.executable, "-m", "tests.app.scripted_service")
"""Answers by rote; for what does not depend on a model."""


@contextmanager
def serving(
    folder: Path, *, port: int | None = None, command: Sequence[str] = COMMAND, **settings: object
) -> Iterator[ServingProcess]:
    """A started process, ready or not; killed at the end if it still runs. Its log is in `folder`."""
    port = port or free_port()
    settings = {"database_url": sqlite_url(folder), **settings}
    log = folder / f"service-{port}.log"
    with log.open("w") as log_file, httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        process = subprocess.Popen(
            command, env=environment({"port": port, **settings}), stdout=log_file, stderr=log_file, text=True
        )
        try:
            yield ServingProcess(process, client, log)
        finally:
            process.kill()
            process.wait()


def fails_to_start(**settings: object) -> tuple[int, str]:
    """Exit code and error output of a start that must not succeed."""
    with TemporaryDirectory() as folder:
        settings = {"database_url": sqlite_url(Path(folder)), **settings}
        finished = subprocess.run(
            COMMAND, env=environment(settings), capture_output=True, text=True, timeout=START_SECONDS, check=False
        )
    return finished.returncode, finished.stderr
