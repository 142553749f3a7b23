"""What metrics and traces cost a request: CPU time of whole requests by what observes them, over ASGI.

    python benchmarks/observing_cost.py --json benchmarks/results/observing_cost.json

The model behind it answers at once, after as many stages as a list has, so that what is measured is not lost in what is
not. Rounds of short blocks, one with each set of instruments, in turning order; a cost is the median, over rounds, of
the difference between two blocks of one round, with its quartiles. Traces are made, turned into what is sent and thrown
away: sending is left out.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack, ExitStack, nullcontext
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from unittest.mock import patch

import numpy as np
import orjson
from fastapi import FastAPI
from numpy.typing import NDArray
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from record import circumstances, keep

from app.main import create_app
from app.observability.logs import configure_logs
from app.observability.metrics import Metrics
from app.observability.traces import Tracing
from app.observability.work import ObservedWork
from app.runtime.live_model import LiveModel
from app.runtime.workers import Workers
from app.store.store import Store
from models.domain.stages import StageName, timed

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.app.scripted_model import ScriptedModel

PACKAGES: Final = ["fastapi", "prometheus-client", "opentelemetry-sdk"]
BLOCK: Final = 20
WARM_UP: Final = 5
STAGES: Final[tuple[StageName, ...]] = (
    "encode", "filter", "encode", "generate", "search", "search", "fuse", "fuse", "filter", "judge", "rerank", "rerank",
)  # fmt: skip
BODY: Final = orjson.dumps({"history": [{"item_id": f"item-{number}"} for number in range(5)]})
TELLING: Final = ("request_ended", "request_failed", "lists_answered", "work_ended", "work_abandoned")


class StagedModel(ScriptedModel):
    """Goes through the stages of a list."""

    def recommend(self, requests: Any) -> Any:
        self.asked.clear()
        for name in STAGES:
            with timed(name):
                pass
        return super().recommend(requests)


class Nowhere(SpanExporter):
    """Sends nothing."""

    def export(self, spans: Any) -> SpanExportResult:
        encode_spans(spans).SerializeToString()
        return SpanExportResult.SUCCESS


async def ask(app: FastAPI, state: Mapping[str, Any]) -> None:
    """One request."""
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": "/v1/recommendations", "raw_path": b"/v1/recommendations", "query_string": b"", "root_path": "",
        "headers": [(b"content-type", b"application/json"), (b"host", b"localhost")], "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000), "state": dict(state),
    }  # fmt: skip
    sent = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": BODY, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    assert sent[0]["status"] == 200, sent


def without_instruments() -> ExitStack:
    """Inside, nothing is counted, timed or observed."""
    patches = ExitStack()
    for name in TELLING:
        patches.enter_context(patch.object(Metrics, name, lambda *_, **__: None))
    patches.enter_context(patch.object(ObservedWork, "run", lambda _, work: work()))
    return patches


async def block_of(app: FastAPI, state: Mapping[str, Any], provider: TracerProvider) -> float:
    """CPU microseconds of this process for one of the block's requests."""
    started = time.process_time()
    for _ in range(BLOCK):
        await asyncio.create_task(ask(app, state))  # of its own, as in a server
    provider.force_flush()  # or another thread would do that in the next block's time
    return 1e6 * (time.process_time() - started) / BLOCK


async def measure(rounds: int) -> dict[str, NDArray[np.float64]]:
    """Microseconds a request [rounds] by what observes it."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(Nowhere()))
    async with AsyncExitStack() as running:
        folder = Path(running.enter_context(TemporaryDirectory()))
        plain = await started(running, folder / "plain.db", None)
        traced = await started(running, folder / "traced.db", Tracing(provider))
        sides = {
            "nothing": (plain, without_instruments),
            "metrics": (plain, nullcontext),
            "metrics and traces": (traced, nullcontext),
        }
        micros: dict[str, list[float]] = {side: [] for side in sides}
        for number in range(rounds + WARM_UP):
            turned = [*sides.items()][number % len(sides) :] + [*sides.items()][: number % len(sides)]
            for side, (asked, surroundings) in turned:
                with surroundings():
                    micros[side].append(await block_of(*asked, provider))
    provider.shutdown()
    return {side: np.array(values[WARM_UP:]) for side, values in micros.items()}


async def started(
    running: AsyncExitStack, database: Path, tracing: Tracing | None
) -> tuple[FastAPI, Mapping[str, Any]]:
    """A service with a store of its own, and what its requests find in their state."""
    live = LiveModel(StagedModel, Workers(threads=1, max_in_flight=4))
    ready = asyncio.Event()
    app = create_app(
        live,
        partial(Store.open, f"sqlite+aiosqlite:///{database}"),
        on_load_failure=lambda failure: sys.exit(str(failure)),
        on_ready=ready.set,
        tracing=tracing,
    )
    state = await running.enter_async_context(app.router.lifespan_context(app))
    await ready.wait()
    return app, state or {}


def quartiles(values: NDArray[np.float64]) -> dict[str, float]:
    """Median first."""
    low, middle, high = np.percentile(values, (25, 50, 75))
    return {"median": round(middle, 1), "lower_quartile": round(low, 1), "upper_quartile": round(high, 1)}


def nanoseconds_of_a_stage_that_nobody_observes() -> float:
    """What `with timed(…)` costs in training and evaluation."""
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
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--json", type=Path, required=True)
    arguments = parser.parse_args()
    configure_logs("error")  # the line of the log costs the same with and without
    micros = asyncio.run(measure(arguments.rounds))
    result = {
        "what": "CPU microseconds of one request whose model answers at once, by what observes it",
        **circumstances(PACKAGES),
        "requests_a_side": arguments.rounds * BLOCK,
        "nothing": quartiles(micros["nothing"]),
        "cost_of_metrics": quartiles(micros["metrics"] - micros["nothing"]),
        "cost_of_traces_beside": quartiles(micros["metrics and traces"] - micros["metrics"]),
        "unobserved_stage_nanoseconds": nanoseconds_of_a_stage_that_nobody_observes(),
    }
    keep(result, arguments.json)


if __name__ == "__main__":
    main()
