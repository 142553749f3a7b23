"""What rules cost and what they do to a list: processor time in the process, diversity and hits, beside a plain list.

    python benchmarks/rules_cost.py --dataset DIR --bundle BUNDLE --json benchmarks/results/rules_cost_NAME.json

Histories of real held-out shoppers, one request at a time, one thread, no HTTP; rounds of all kinds in turns.
"""

import argparse
import time
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
from held_out import held_out_cases
from record import circumstances, keep
from serving_bodies import FULL_LENGTH, LIST_LENGTH, filter_of

from models.domain.events import HistoryEvent
from models.domain.filter import parse_filter
from models.domain.recommendation import Recommendation, RecommendationRequest
from models.recommend.directions import directions
from models.recommend.recommender import Recommender

PACKAGES: Final = ["numpy", "faiss-cpu", "onnxruntime", "pyversity"]
SHOPPERS: Final = 400
ROUNDS: Final = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--json", type=Path, required=True)
    arguments = parser.parse_args()
    recommender = Recommender.open(arguments.bundle, threads=1)
    cases = held_out_cases(arguments.dataset, recommender, SHOPPERS)
    usual = parse_filter(filter_of(recommender.catalogue.attributes.frame))
    kinds: dict[str, dict[str, Any]] = {
        "plain": {},
        "filter": {"filter": usual},
        "max_per brand 2": {"max_per": {"brand": 2}},
        "diversity .3": {"diversity": 0.3},
        "diversity .7": {"diversity": 0.7},
        "4 samples": {"num_samples": 4, "exploration": 0.5},
        "filter, diversity .3, 4 samples": {"filter": usual, "diversity": 0.3, "num_samples": 4, "exploration": 0.5},
    }
    histories = [
        [HistoryEvent(recommender.item_ids[row]) for row in cases.histories.items_of(case)[-FULL_LENGTH:]]
        for case in range(cases.num_cases)
    ]
    micros: dict[str, list[float]] = defaultdict(list)
    lists: dict[str, list[Recommendation]] = {}
    for _ in range(ROUNDS):
        for kind, wishes in kinds.items():
            requests = [RecommendationRequest(history, k=LIST_LENGTH, **wishes) for history in histories]
            started = time.process_time()
            lists[kind] = [recommender.recommend([request])[0] for request in requests]
            micros[kind].append(1e6 * (time.process_time() - started) / len(requests))
    plain = median(micros["plain"])
    keep(
        {
            "what": f"lists of {LIST_LENGTH} with rules, {recommender.manifest.dataset.name}",
            "shoppers": cases.num_cases,
            **circumstances(PACKAGES),
            "kinds": {
                kind: {
                    "cpu_microseconds": round(median(micros[kind])),
                    "times_a_plain_list": round(median(micros[kind]) / plain, 2),
                    "ild_of_features": round(float(np.mean([spread(recommender, each) for each in found])), 4),
                    "hr": round(
                        float(
                            np.mean(
                                [
                                    np.isin(cases.targets_of(case), rows_of(recommender, each)).any()
                                    for case, each in enumerate(found)
                                ]
                            )
                        ),
                        4,
                    ),
                }
                for kind, found in lists.items()
            },
        },
        arguments.json,
    )


def rows_of(recommender: Recommender, answer: Recommendation) -> list[int]:
    return [recommender.row_of[item.item_id] for item in answer.items]


def spread(recommender: Recommender, answer: Recommendation) -> float:
    """One minus the mean cosine of two items of the list, by the features that the index searches."""
    of_list_KD = directions(recommender.ranker.source.item_features_ND[np.array(rows_of(recommender, answer))])
    alike_KK = of_list_KD @ of_list_KD.T
    size = len(alike_KK)
    return float(1.0 - (alike_KK.sum() - size) / (size * (size - 1)))


if __name__ == "__main__":
    main()
