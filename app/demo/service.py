"""The real service as a child process, and questions to it over HTTP."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final, NoReturn

import httpx

from app.runtime.server import listen
from models.domain.errors import ServiceError

HOST: Final = "127.0.0.1"
READY_SECONDS: Final = 60.0
STOP_SECONDS: Final = 10.0
LOG_CHARACTERS: Final = 2000


@dataclass(frozen=True, slots=True)
class RunningService:
    """A service that was ready."""

    address: str
    log: Path
    process: "subprocess.Popen[bytes]"
    client: httpx.Client

    def recommend(self, history: Sequence[dict[str, Any]], k: int, properties: Sequence[str]) -> list[dict[str, Any]]:
        """Items of one answer, best first. Raises ServiceError with what the service said instead."""
        body = {"history": history, "k": k, "return_properties": properties}
        answer = self.client.post("/v1/recommendations", json=body)
        if answer.status_code != httpx.codes.OK:
            raise ServiceError(f"the service answered {answer.status_code}: {answer.text[:LOG_CHARACTERS]}")
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    def property_names(self) -> list[str]:
        """What an answer can show of an item."""
        names: list[str] = self.client.get("/v1/model").raise_for_status().json()["property_names"]
        return names

    def wait(self) -> None:
        """Returns when the service has ended or Ctrl-C was pressed."""
        # Not Popen.wait: with Polars' handler in place, SIGINT does not interrupt a blocking waitpid.
        with suppress(KeyboardInterrupt):
            while self.process.poll() is None:
                time.sleep(0.1)


def refuse_busy_port(port: int) -> None:
    """Raises AddressTaken where the service could not listen."""
    listen(HOST, port).close()


@contextmanager
def running_service(bundle: Path, port: int, log: Path, database: Path) -> Iterator[RunningService]:
    """The service, ready; stopped at the end, whatever happens here but a kill -9.

    On a database of its own: the shop's may have keys, and nothing of the shop's is the demo's business.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    address = f"http://{HOST}:{port}"
    environment = os.environ | {
        "FIGMENT_HOST": HOST,
        "FIGMENT_PORT": str(port),
        "FIGMENT_BUNDLE": str(bundle),
        "FIGMENT_DATABASE_URL": f"sqlite+aiosqlite:///{database.absolute()}",
        "FIGMENT_DRAIN_NOTICE_SECONDS": "0",  # nobody balances load here
    }
    terminated = signal.signal(signal.SIGTERM, _leave)
    with log.open("wb") as log_file, httpx.Client(base_url=address, timeout=30, trust_env=False) as client:
        command = (sys.executable, "-m", "app.main")
        process = subprocess.Popen(command, env=environment, stdout=log_file, stderr=log_file)
        try:
            service = RunningService(address, log, process, client)
            _wait_until_ready(service)
            yield service
        finally:
            _stop(process)
            signal.signal(signal.SIGTERM, terminated)


def _wait_until_ready(service: RunningService) -> None:
    give_up = time.monotonic() + READY_SECONDS
    while not _is_ready(service.client):
        if service.process.poll() is not None:
            raise ServiceError(f"the service stopped at once:\n{_log_end(service.log)}")
        if time.monotonic() > give_up:
            raise ServiceError(f"the service was not ready within {READY_SECONDS:g} s:\n{_log_end(service.log)}")
        time.sleep(0.05)


def _is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/health/ready").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _log_end(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-LOG_CHARACTERS:].strip()


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _leave(number: int, _: FrameType | None) -> NoReturn:
    """SIGTERM unwinds the stack, so that the child is not left behind."""
    sys.exit(128 + number)
