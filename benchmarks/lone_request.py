"""What sharing calls of the model costs a request that has nobody to share with.

    python benchmarks/lone_request.py --dataset DIR --bundle BUNDLE --json benchmarks/results/lone_request.json

In one process on the service's loop, no HTTP, one request at a time, histories of real held-out shoppers, the bundle
enlarged to `--items`: each is asked of the recommender itself, on a thread of the service's without sharing, and by way
of what brings requests together. The three take turns, request by request, and each comes first as often as the others.
Told are the processor's time, of all threads, and the asker's, until the answer is there: on a machine that does other
things too a thread waits for a core when it is handed the question and again with the answer, which the fastest tenth
shows least of.
"""

import argparse
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import uvloop
from enlarged_bundle import enlarged_bundle
from held_out import held_out_cases
from record import circumstances, keep
from serving_bodies import FULL_LENGTH, LIST_LENGTH

from app.main import tune_process
from app.runtime.together import Together
from app.runtime.workers import Workers
from models.domain.events import HistoryEvent
from models.domain.recommendation import RecommendationRequest, SearchProfile
from models.recommend.recommender import Recommender
from models.retrieval.faiss_index import set_search_threads

PACKAGES: Final = ["numpy", "faiss-cpu", "onnxruntime", "uvloop"]
WARM_UP: Final = 30
DIRECT, THREAD, TOGETHER = "the recommender itself", "on a thread, not shared", "through shared calls"
PROFILES: Final[Sequence[SearchProfile]] = ("fast", "balanced")

Asks = Callable[[RecommendationRequest], Awaitable[object]]


def main() -> None:
    arguments = _arguments()
    tune_process()
    set_search_threads(1)
    # its first rows are the items of its source
    recommender = Recommender.open(enlarged_bundle(arguments.bundle, arguments.items, arguments.folder / "bundles"))
    cases = held_out_cases(arguments.dataset, recommender, arguments.requests + WARM_UP)
    offsets, rows = cases.histories.offsets_U1, cases.histories.item_rows_E
    histories = [
        [HistoryEvent(recommender.item_ids[row]) for row in rows[offsets[case] : offsets[case + 1]][-FULL_LENGTH:]]
        for case in range(cases.num_cases)
    ]
    found = {
        profile: uvloop.run(timed(recommender, [_request(history, profile) for history in histories]))
        for profile in PROFILES
    }
    result = {
        "what": f"one list of {LIST_LENGTH} at a time, {recommender.num_items:,} items, microseconds",
        **circumstances(PACKAGES),
        "requests": cases.num_cases - WARM_UP,
        "profiles": found,
    }
    keep(result, arguments.json)


async def timed(recommender: Recommender, requests: Sequence[RecommendationRequest]) -> dict[str, Any]:
    """What the ways take, and what they cost beside each other."""
    workers = Workers(threads=1, max_in_flight=1, prepare=partial(set_search_threads, 1))
    ways = _ways(recommender, workers)
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for number, request in enumerate(requests):
        names = [*ways][number % len(ways) :] + [*ways][: number % len(ways)]
        for name in names:
            clock, processor = time.perf_counter(), time.process_time()
            await ways[name](request)
            took[name].append((time.perf_counter() - clock, time.process_time() - processor))
    workers.close()
    clock_micros, cpu_micros = (
        {name: np.array([1e6 * each[which] for each in times[WARM_UP:]]) for name, times in took.items()}
        for which in (0, 1)
    )
    return {
        "processor, median": _beside({name: float(np.median(each)) for name, each in cpu_micros.items()}),
        "clock, median": _beside({name: float(np.median(each)) for name, each in clock_micros.items()}),
        "clock, fastest tenth": _beside({name: float(np.quantile(each, 0.1)) for name, each in clock_micros.items()}),
    }


def _beside(micros: Mapping[str, float]) -> dict[str, float]:
    return {
        **{f"{name}, µs": round(each, 1) for name, each in micros.items()},
        "sharing, times a thread": round(micros[TOGETHER] / micros[THREAD], 3),
        "sharing, times the recommender": round(micros[TOGETHER] / micros[DIRECT], 3),
    }


def _ways(recommender: Recommender, workers: Workers) -> dict[str, Asks]:
    together = Together(workers)

    async def direct(request: RecommendationRequest) -> object:
        return recommender.recommend([request])

    async def on_a_thread(request: RecommendationRequest) -> object:
        return await workers.run(lambda: recommender.recommend([request]))

    async def shared(request: RecommendationRequest) -> object:
        return await together.ask(request, recommender.recommend, group=recommender)

    return {DIRECT: direct, THREAD: on_a_thread, TOGETHER: shared}


def _request(history: Sequence[HistoryEvent], profile: SearchProfile) -> RecommendationRequest:
    return RecommendationRequest(history=history, k=LIST_LENGTH, search_profile=profile)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--requests", type=int, default=1_000)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, default=Path("var/bench-serving"), help="for the enlarged bundle")
    parser.add_argument("--json", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
