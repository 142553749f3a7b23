"""Load from wrk, and what it costs a service: one core for the service, another one for the load."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

SCRIPT = Path(__file__).with_name("post.lua")
START_SECONDS = 120
SETTLE_SECONDS = 0.5
"""What wrk leaves unanswered when it ends keeps its permits until it is done."""
SERVICE_CORE, LOAD_CORE = (int(core) for core in os.environ.get("BENCH_CORES", "0,1").split(","))
"""Of a machine that does other things too, name its quietest core for the service."""


@dataclass(frozen=True)
class Service:
    """A process, with its children, that answers a POST at `url`."""

    url: str
    process: psutil.Process
    key: str = "-"

    def cpu_seconds(self) -> float:
        """Of all of them since they began."""
        return sum(sum(each.cpu_times()[:2]) for each in self._family())

    def rss_mib(self) -> float:
        """Memory now, pages that they share counted for each."""
        return sum(each.memory_info().rss for each in self._family()) / 2**20

    def anonymous_mib(self) -> float:
        """Memory now that is no page of a file."""
        return sum((info := each.memory_info()).rss - info.shared for each in self._family()) / 2**20

    def post(self, body: bytes) -> httpx.Response:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.key}"}
        return httpx.post(self.url, content=body, headers=headers, timeout=60)

    def _family(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]


@contextmanager
def started(
    command: Sequence[str | Path], url: str, first: bytes, *, key: str = "-", log: Path, environment: Mapping[str, str]
) -> Iterator[tuple[Service, float]]:
    """The service once it answers `first` with 200, and how many seconds that took; it is ended afterwards."""
    began = time.monotonic()
    with log.open("w") as told:
        process = subprocess.Popen(
            [str(part) for part in command],
            env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
            stdout=told,
            stderr=told,
            preexec_fn=lambda: pinned(SERVICE_CORE),  # noqa: PLW1509  no thread is running yet
        )
    service = Service(url, psutil.Process(process.pid), key)
    family = [service.process]
    try:
        _wait(service, process, first, log)
        seconds = time.monotonic() - began
        family = [*reversed(service.process.children(recursive=True)), service.process]
        yield service, seconds
    finally:
        for each in family:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        process.wait()


def pinned(core: int) -> None:
    """This process to one core, where there are several."""
    os.sched_setaffinity(0, {core} & os.sched_getaffinity(0) or os.sched_getaffinity(0))


def _wait(service: Service, process: "subprocess.Popen[bytes]", first: bytes, log: Path) -> None:
    give_up = time.monotonic() + START_SECONDS
    while True:
        try:
            answer = service.post(first)
            if answer.status_code == 200:
                return
            told = answer.text
        except httpx.TransportError as error:
            told = str(error)
        if process.poll() is not None or time.monotonic() > give_up:
            raise SystemExit(f"{service.url} did not become ready: {told}\n{log.read_text()[-2000:]}")
        time.sleep(0.02)


@dataclass(frozen=True)
class Measured:
    """One load on one service; times in microseconds."""

    concurrency: int
    requests_per_second: float
    p50: int
    p95: int
    p99: int
    cpu_per_request: float
    rss_mib: float
    anonymous_mib: float
    """Of that, what belongs to the process alone; the rest are pages of files."""
    errors: int
    requests: int
    refused: int
    """Of the errors, those that had an answer."""


def loaded(
    service: Service, bodies: Path, concurrency: int, seconds: float, *, warm_up: float = 1.0, pause_ms: int = 0
) -> Measured:
    """What wrk and the process's own clock say of so many connections that each ask as soon as they are answered, or
    after a pause."""
    if warm_up:
        _wrk(service, bodies, concurrency, warm_up, pause_ms)
        time.sleep(SETTLE_SECONDS)
    cpu = service.cpu_seconds()
    told = _wrk(service, bodies, concurrency, seconds, pause_ms)
    cpu = service.cpu_seconds() - cpu
    return Measured(
        concurrency=concurrency,
        requests_per_second=round(told["requests"] / told["seconds"], 1),
        p50=told["p50"],
        p95=told["p95"],
        p99=told["p99"],
        cpu_per_request=round(1e6 * cpu / max(1, told["requests"]), 1),
        rss_mib=round(service.rss_mib(), 1),
        anonymous_mib=round(service.anonymous_mib(), 1),
        errors=told["refused"] + told["broken"] + told["timed_out"],
        requests=told["requests"],
        refused=told["refused"],
    )


class Pace:
    """Keeps connections at a rate by how long each pauses; learns from slice to slice how long answers take."""

    def __init__(self, service: Service, bodies: Path, connections: int, rate: float) -> None:
        self._service, self._bodies, self._connections, self._rate = service, bodies, connections, rate
        self._answer_seconds = 0.0

    def next_slice(self, seconds: float) -> Measured:
        pause_ms = max(1, round(1000 * (self._connections / self._rate - self._answer_seconds)))
        found = loaded(self._service, self._bodies, self._connections, seconds, warm_up=0, pause_ms=pause_ms)
        self._answer_seconds = max(0.0, self._connections / max(1.0, found.requests_per_second) - pause_ms / 1000)
        return found


def _wrk(service: Service, bodies: Path, concurrency: int, seconds: float, pause_ms: int) -> dict[str, Any]:
    wrk = shutil.which("wrk")
    if wrk is None:
        raise SystemExit("wrk is not installed; on Debian and Ubuntu: apt install wrk")
    # wrk counts whole seconds
    command = [wrk, "-t1", f"-c{concurrency}", f"-d{max(1, round(seconds))}s", "--timeout", "10s", "-s", str(SCRIPT)]
    finished = subprocess.run(
        [*command, service.url, "--", str(bodies), service.key, str(pause_ms)],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: pinned(LOAD_CORE),
    )
    told: dict[str, Any] = json.loads(finished.stdout.strip().splitlines()[-1])
    return told
