"""What metrics cost a request: CPU time of whole requests with every instrument and with none, over ASGI.

    python benchmarks/observing_cost.py --json benchmarks/results/observing_cost.json

The model behind it answers at once, after seven stages, so that what is measured is not lost in what is not. Blocks of
requests with and without instruments alternate; each side's figure is that of its quietest tenth of blocks.
"""

import argparse
import asyncio
import json
import time
from contextlib import ExitStack, nullcontext
from pathlib import Path
from statistics import mean
from typing import Any, Final, get_args
from unittest.mock import patch

import orjson
from fastapi import FastAPI
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from record import circumstances

from app.main import create_app
from app.observability.metrics import Metrics
from app.observability.traces import Tracing
from app.observability.work import ObservedWork
from app.runtime.live_model import LiveModel
from app.runtime.workers import Workers
from models.domain import stages
from models.domain.stages import StageName, timed
from tests.app.scripted_model import ScriptedModel

PACKAGES: Final = ["fastapi", "prometheus-client", "opentelemetry-api"]
BLOCK: Final = 100
BODY: Final = orjson.dumps({"history": [{"item_id": f"item-{number}"} for number in range(5)]})
TELLING: Final = ("request_ended", "request_failed", "lists_answered", "work_ended", "work_abandoned")


class StagedModel(ScriptedModel):
    """Goes through every stage of a list that is not explained."""

    def recommend(self, requests: Any) -> Any:
        self.asked.clear()
        for name in get_args(StageName)[:-1]:
            with timed(name):
                pass
        return super().recommend(requests)


async def ask(app: FastAPI, live: LiveModel) -> None:
    """One request."""
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": "/v1/recommendations", "raw_path": b"/v1/recommendations", "query_string": b"", "root_path": "",
        "headers": [(b"content-type", b"application/json"), (b"host", b"x")], "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000), "state": {"live": live, "read_seconds": 15.0},
    }  # fmt: skip
    sent = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": BODY, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    assert sent[0]["status"] == 200


def without_instruments() -> ExitStack:
    """Inside, nothing is counted, timed or observed."""
    patches = ExitStack()
    for name in TELLING:
        patches.enter_context(patch.object(Metrics, name, lambda *_, **__: None))
    patches.enter_context(patch.object(ObservedWork, "run", lambda _, work: work()))
    return patches


async def block_of(app: FastAPI, live: LiveModel) -> float:
    """CPU microseconds of this process for one of the block's requests."""
    started = time.process_time()
    for _ in range(BLOCK):
        await ask(app, live)
    return 1e6 * (time.process_time() - started) / BLOCK


async def measure(blocks: int) -> dict[str, float]:
    """Microseconds a request by what observes it."""
    live = LiveModel(StagedModel, Workers(threads=1, max_in_flight=4))
    await live.load()
    app = create_app(live, on_load_failure=lambda _: None)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(InMemorySpanExporter()))
    traced = create_app(live, on_load_failure=lambda _: None, tracing=Tracing(provider))
    sides = {
        "nothing": (app, without_instruments),
        "metrics": (app, nullcontext),
        "metrics and traces, exporter aside": (traced, nullcontext),
    }
    micros: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(blocks):
        for side, (asked, surroundings) in sides.items():
            with surroundings():
                micros[side].append(await block_of(asked, live))
    return {side: round(mean(sorted(values)[: max(1, blocks // 10)]), 1) for side, values in micros.items()}


def nanoseconds_of_a_stage_that_nobody_observes() -> float:
    """What `with timed(…)` costs in training and evaluation."""
    assert stages._observer.get() is None
    best = float("inf")
    for _ in range(20):
        started = time.process_time()
        for _ in range(10_000):
            with timed("search"):
                pass
        best = min(best, time.process_time() - started)
    return round(1e9 * best / 10_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blocks", type=int, default=300)
    parser.add_argument("--json", type=Path, required=True)
    arguments = parser.parse_args()
    import logging

    logging.disable()  # the line of the log is written with and without
    micros = asyncio.run(measure(arguments.blocks))
    result = {
        "what": "CPU microseconds of one request with seven stages, by what observes it",
        **circumstances("python benchmarks/observing_cost.py", PACKAGES),
        "requests_a_side": arguments.blocks * BLOCK,
        "microseconds": micros,
        "metrics_cost": round(micros["metrics"] - micros["nothing"], 1),
        "unobserved_stage_nanoseconds": nanoseconds_of_a_stage_that_nobody_observes(),
    }
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
