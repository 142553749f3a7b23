"""The deletion test: does an item's score fall most where the events are taken away that its explanation names?

    python benchmarks/explanations.py --dataset DIR --bundle BUNDLE --json benchmarks/results/explanations_NAME.json

For the first item of the lists of held-out shoppers with at least five events: its score without the 1, 2 and 3 events
that the explanation names, without as many random ones, and without the newest. Of one event the named one must win; of
several it need not, as each was judged alone. Means and paired differences with 95 % bootstrap intervals.
"""

import argparse
import time
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
from held_out import held_out_cases
from numpy.typing import NDArray
from record import circumstances, keep, rounded

from models.metrics.bootstrap import mean_interval, paired_difference
from models.recommend.explain import Explainer, without
from models.recommend.fusion import as_score
from models.recommend.question import Question
from models.recommend.recommender import Recommender
from models.recommend.systems import STAGE_OF
from models.retrieval.faiss_index import set_search_threads

PACKAGES: Final = ["numpy", "faiss-cpu", "onnxruntime"]
LEAST_EVENTS: Final = 5
NUM_REMOVED: Final = (1, 2, 3)
LIST_LENGTH: Final = 10
WAYS: Final = ("named", "random", "newest")


def main() -> None:
    arguments = _arguments()
    set_search_threads(1)
    recommender = Recommender.open(arguments.bundle, threads=1)
    cases = held_out_cases(arguments.dataset, recommender, arguments.shoppers * 3)
    asked = recommender.ranker.best_guesses(cases.histories, LIST_LENGTH, recommender.manifest.exclude_seen)
    asked = [question for question in asked if len(question.history[0]) >= LEAST_EVENTS][: arguments.shoppers]
    explainer = Explainer(recommender.ranker, STAGE_OF[recommender.serves])
    rng = np.random.default_rng(0)
    falls, found_first, reasons_ms, full_ms = [], [], [], []
    for question in asked:
        (ranked,) = recommender.ranker.rank([question], explainer.stage)
        started = time.perf_counter()
        said = explainer.contributions(question, ranked.rows_K)
        reasons_ms.append(1e3 * (time.perf_counter() - started))
        changed = explainer.change_of_first_place(question, ranked.rows_K, said)
        full_ms.append(1e3 * (time.perf_counter() - started))
        found_first.append(len(changed.places))
        falls.append(falls_of(explainer, question, ranked.rows_K[:1], said.places_L, said.contributions_LX[:, 0], rng))
    result = {
        "what": f"explanations of {len(asked):,} lists of {LIST_LENGTH} on {arguments.dataset.name}",
        **circumstances(PACKAGES),
        "serves": recommender.serves,
        "fall of the first item's score": summarised(np.array(falls)),
        "first place": {
            "changed by some events": round(float(np.mean(np.array(found_first) > 0)), 3),
            "events needed then": round(float(np.mean([number for number in found_first if number] or [0])), 2),
        },
        "median_ms": {"reasons": round(median(reasons_ms), 1), "full": round(median(full_ms), 1)},
    }
    keep(result, arguments.json)


def falls_of(
    explainer: Explainer,
    question: Question,
    row: NDArray[np.int32],
    places_L: NDArray[np.int64],
    contributions_L: NDArray[np.float32],
    rng: np.random.Generator,
) -> list[list[float]]:
    """How much lower the item's score is, by number of events taken away, each way."""
    named = places_L[np.argsort(-contributions_L, kind="stable")]
    shuffled = rng.permutation(places_L)
    removals = [each[:number].tolist() for number in NUM_REMOVED for each in (named, shuffled, places_L[::-1])]
    asked = [question, *(without(question, places) for places in removals)]
    scores = as_score(explainer.ranker.values(asked, row, explainer.stage, on_first_scale=True)[:, 0])
    return (scores[0] - scores[1:]).reshape(len(NUM_REMOVED), len(WAYS)).tolist()


def summarised(falls_URW: NDArray[np.float64]) -> dict[str, Any]:
    """Means and paired differences of the named events to the others, with 95 % intervals."""
    table: dict[str, Any] = {}
    for number, removed in enumerate(NUM_REMOVED):
        of_ways = dict(zip(WAYS, falls_URW[:, number].T, strict=True))
        row = {way: rounded(values.mean(), *mean_interval(values, seed=1)) for way, values in of_ways.items()}
        for way in WAYS[1:]:
            row[f"named above {way}"] = rounded(*paired_difference(of_ways["named"], of_ways[way], seed=1))
        table[f"{removed} removed"] = row
    return table


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--shoppers", type=int, default=500)
    parser.add_argument("--json", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
