"""How long answers take while thousands of new items are imported, beside how long they take otherwise.

    python benchmarks/answers_during_import.py --bundle BUNDLE --items 100000 --new 10000 \\
        --json benchmarks/results/answers_during_import.json

A real process serves the bundle enlarged to that many items. Requests come at a steady rate, each timed from when it
was due, before the import and while it goes on: from when the rows are sent, as lines, until its job is done or
`--seconds` have passed. Some machines, rented ones above all, stop for tenths of a second where all their cores are
busy: what that alone does is measured too, beside a process that only counts, as far back as an import is.
"""

import argparse
import gc
import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles
from typing import Any, Final

import httpx
from enlarged_service import EnlargedService, enlarged_service
from record import circumstances, keep

from app.runtime.import_process import NICENESS

PACKAGES: Final = ["numpy", "polars", "faiss-cpu", "onnxruntime", "sqlalchemy", "uvicorn"]
ASKING_THREADS: Final = 8
LIMIT: Final = 2.0
"""Times the usual 99th percentile."""


def main() -> None:
    arguments = _arguments()
    with enlarged_service(arguments.bundle, arguments.items, arguments.port) as service:
        items = service.client.get("/v1/items?limit=1000").json()["items"]
        ids = [item["item_id"] for item in items]
        crowd = Crowd(service.client, ids, arguments.rate)
        # what this process has imported: to look through it for garbage took 100 to 200 ms, told as the service's
        gc.collect()
        gc.freeze()
        crowd.ask(after(5))
        usual = crowd.ask(after(arguments.usual_seconds))
        with counting_process():
            beside_counting = crowd.ask(after(arguments.beside_seconds))
        body = "\n".join(json.dumps(row) for row in new_items(items, arguments.new))
        answered = threading.Event()
        with ThreadPoolExecutor(1) as importing:
            started, cpu = time.monotonic(), service.cpu_seconds()
            sent = importing.submit(send, service, body, answered)
            while_sending = crowd.ask(answered.is_set)
            told = sent.result()
            write_seconds = time.monotonic() - started
            job = Job(service, told["status_url"])
            give_up = after(arguments.seconds - write_seconds)
            # looked at by a thread of its own, or what a look takes would be told as how long an answer waits
            watching = importing.submit(job.watch, give_up)
            while_building = crowd.ask(watching.done)
            memory = watching.result()
        seconds, cpu = time.monotonic() - started, service.cpu_seconds() - cpu
        last = job.now()
    during = [*while_sending, *while_building]
    result = {
        "what": f"answers during an import of {arguments.new:,} new items, {arguments.items:,} items made from a real "
        "bundle, SQLite",
        **circumstances(PACKAGES),
        "requests_per_second": arguments.rate,
        "milliseconds, usually": told_of(usual),
        "milliseconds, beside a process that only counts": told_of(beside_counting),
        "milliseconds, during the import": told_of(during),
        "milliseconds, while the rows are written": told_of(while_sending),
        "import": {
            "seconds_until_all_rows_were_durable": round(write_seconds, 1),
            "seconds_watched": round(seconds, 1),
            "processor_seconds_of_the_service": round(cpu, 1),
            "memory_mib": memory,
            "state": last["state"],
            "progress": round(last["progress"], 3),
            "items_per_second": last["items_per_second"],
        },
        "p99 during the import, times the usual": round(told_of(during)["p99"] / told_of(usual)["p99"], 2),
        "limit": LIMIT,
        "p99 during the import, times that beside a process that only counts": round(
            told_of(during)["p99"] / told_of(beside_counting)["p99"], 2
        ),
    }
    keep(result, arguments.json)


class Crowd:
    """Asks at a steady rate, however long answers take."""

    def __init__(self, client: httpx.Client, item_ids: list[str], rate: float) -> None:
        self._client = client
        self._item_ids = item_ids
        self._rate = rate
        self._rng = random.Random(0)

    def ask(self, is_over: Callable[[], bool]) -> list[float]:
        """Milliseconds of each answer, from when it was due."""
        with ThreadPoolExecutor(ASKING_THREADS) as threads:
            return [asked.result() for asked in [threads.submit(self._one, due) for due in self._due(is_over)]]

    def _due(self, is_over: Callable[[], bool]) -> Iterator[float]:
        due = time.perf_counter()
        while not is_over():
            due += 1 / self._rate
            time.sleep(max(0.0, due - time.perf_counter()))
            yield due

    def _one(self, due: float) -> float:
        history = [{"item_id": item_id} for item_id in self._rng.sample(self._item_ids, 5)]
        self._client.post("/v1/recommendations", json={"history": history}).raise_for_status()
        return 1000 * (time.perf_counter() - due)


@contextmanager
def counting_process() -> Iterator[None]:
    """One that wants a core for itself and touches nothing, put back as an import is."""
    process = subprocess.Popen(["nice", "-n", str(NICENESS), sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


class Job:
    """Of the import."""

    def __init__(self, service: EnlargedService, url: str) -> None:
        self._service = service
        self._url = url

    def now(self) -> dict[str, Any]:
        found: dict[str, Any] = self._service.client.get(self._url).json()
        return found

    def watch(self, is_over: Callable[[], bool]) -> dict[str, int]:
        """Returns when it has ended, or nobody wants to wait any more: the most memory that was seen."""
        most: dict[str, int] = {}
        while not is_over() and self.now()["state"] not in ("done", "failed"):
            for name, size in self._service.memory_mib().items():
                most[name] = max(size, most.get(name, 0))
            time.sleep(1)
        return most


def send(service: EnlargedService, body: str, answered: threading.Event) -> dict[str, Any]:
    try:
        answer = service.client.post(
            "/v1/items:batch", content=body, headers={"Content-Type": "application/x-ndjson"}
        ).raise_for_status()
    finally:
        answered.set()
    told: dict[str, Any] = answer.json()
    assert told["errors"] == [], told["errors"][:3]
    return told


def new_items(items: list[dict[str, Any]], number: int) -> Iterator[dict[str, Any]]:
    """Items like those that are there, under other ids and titles."""
    for place in range(number):
        like = items[place % len(items)]
        yield {**like, "item_id": f"new-{place}", "title": f"{like.get('title', '')} {place}"}


def after(seconds: float) -> Callable[[], bool]:
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end


def told_of(milliseconds: list[float]) -> dict[str, float]:
    hundredths = quantiles(milliseconds, n=100, method="inclusive")
    return {
        "answers": len(milliseconds),
        "p50": round(hundredths[49], 1),
        "p95": round(hundredths[94], 1),
        "p99": round(hundredths[98], 1),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--new", type=int, default=10_000)
    parser.add_argument("--rate", type=float, default=10.0, help="requests a second")
    parser.add_argument("--usual-seconds", type=float, default=30.0)
    parser.add_argument("--beside-seconds", type=float, default=90.0, help="beside the process that counts")
    parser.add_argument("--seconds", type=float, default=180.0, help="of the import that are watched at most")
    parser.add_argument("--port", type=int, default=8732)
    parser.add_argument("--json", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
