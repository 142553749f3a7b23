"""What one recommendation costs inside the process, part by part: no HTTP, one request at a time, one thread.

    python benchmarks/request_cost.py --dataset DIR --bundle BUNDLE --json benchmarks/results/request_cost_NAME.json

Histories of real held-out shoppers. Parts are timed by the functions that do them.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, Final
from unittest.mock import patch

import numpy as np
from record import circumstances, keep

from models.data.read import load_dataset
from models.data.sequences_from_events import build_sequences
from models.data.shuffle import shuffle_items
from models.data.split import split_sequences
from models.recommend import judging, ranker
from models.recommend.candidates import CandidateSource
from models.recommend.question import Question
from models.recommend.recommender import Recommender

PACKAGES: Final = ["numpy", "faiss-cpu", "onnxruntime"]
WARM_UP: Final = 20
LIST_LENGTH: Final = 20


def main() -> None:
    arguments = _arguments()
    recommender = Recommender.open(arguments.bundle, threads=1)
    split = recommender.manifest.split
    dataset = shuffle_items(load_dataset(arguments.dataset).dataset, int(split["seed"]))
    sequences = build_sequences(dataset, seed=int(split["seed"]))
    parts = split_sequences(sequences, split["kind"], time=dataset.info.time, seed=int(split["seed"]))
    cases = parts.test.with_history(arguments.requests + WARM_UP, seed=0)
    questions = recommender.ranker.best_guesses(cases.histories, LIST_LENGTH, recommender.manifest.exclude_seen)
    order = np.random.default_rng(0).permutation(len(questions))
    micros = timed(recommender.ranker, [questions[number] for number in order])
    result = {
        "what": f"one recommendation of {LIST_LENGTH} on {dataset.info.name}, {len(dataset.catalogue):,} items",
        **circumstances(PACKAGES),
        "requests": len(micros["whole"]) - WARM_UP,
        "microseconds": {part: round(median(values[WARM_UP:])) for part, values in micros.items()},
    }
    result["shares"] = {
        part: round(value / result["microseconds"]["whole"], 3) for part, value in result["microseconds"].items()
    }
    keep(result, arguments.json)


def timed(asked: ranker.Ranker, questions: list[Question]) -> dict[str, list[float]]:
    """Part → microseconds, request by request."""
    micros: dict[str, list[float]] = defaultdict(list)

    def clocked(part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            started = time.perf_counter()
            found = function(*args, **kwargs)
            micros[part][-1] += 1e6 * (time.perf_counter() - started)
            return found

        return call

    assert asked.judge is not None
    asked = replace(asked, judge=clocked("judge", asked.judge))
    functions = {
        "generator": (CandidateSource, "generate"),
        "all candidates with their scores": (CandidateSource, "propose"),
        "evidence of pairs": (judging, "pair_evidence"),
        "evidence of the generator": (judging, "generator_evidence"),
    }
    with ExitStack() as patches:
        for part, (owner, name) in functions.items():
            patches.enter_context(patch.object(owner, name, clocked(part, getattr(owner, name))))
        for question in questions:
            for part in (*functions, "judge"):
                micros[part].append(0.0)
            started = time.perf_counter()
            asked.rank([question])
            micros["whole"].append(1e6 * (time.perf_counter() - started))
    return micros


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--json", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
