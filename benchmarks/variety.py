"""What a sealed bundle's noise gives in coverage and variety for the accuracy it costs, beside ways without a GAN.

    python benchmarks/variety.py --dataset DIR --bundle BUNDLE --json benchmarks/results/variety_NAME.json

Lists of ten for real held-out shoppers, of the generator alone and as served; MMR, DPP, temperature and what puts
seldom bought items first choose from the hundred best of the same bundle without noise. The ablation asks the same of
networks trained for less time.
"""

import argparse
from pathlib import Path
from typing import Any, Final

from held_out import held_out_cases
from record import circumstances, keep
from trade_off import Point, TradingOff, best_within

from models.data.read import load_dataset
from models.data.shuffle import shuffle_items
from models.evaluation.content_vectors import content_vectors
from models.recommend.recommender import Recommender
from models.recommend.systems import STAGE_OF

PACKAGES: Final = ["numpy", "faiss-cpu", "onnxruntime", "pyversity"]
SAMPLES: Final = (1, 8)
SYSTEMS: Final = ("figment-generator", "figment")
WITHIN: Final = 0.99
"""Of the NDCG@10 of the same system's list without noise."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--shoppers", type=int, default=10_000)
    parser.add_argument("--draws", type=int, nargs="+", default=[1, 2, 3], help="seeds of the noise")
    parser.add_argument("--json", type=Path, required=True)
    arguments = parser.parse_args()
    recommender = Recommender.open(arguments.bundle, threads=1)
    cases = held_out_cases(arguments.dataset, recommender, arguments.shoppers)
    split = recommender.manifest.split
    catalogue = shuffle_items(load_dataset(arguments.dataset).dataset, int(split["seed"])).catalogue
    content_NV = content_vectors(catalogue)
    found: dict[str, Any] = {}
    for system in SYSTEMS:
        drawn = [
            TradingOff(
                recommender.ranker,
                STAGE_OF[system],
                cases,
                content_NV,
                exclude_seen=recommender.manifest.exclude_seen,
                seed=seed,
            )
            for seed in arguments.draws
        ]
        found[system] = [measured(each) for each in drawn]
    keep(
        {
            "what": f"coverage and variety for accuracy, {recommender.manifest.dataset.name}",
            "shoppers": cases.num_cases,
            **circumstances(PACKAGES),
            "bundle": {"revision": recommender.manifest.git_revision, "seed": int(split["seed"])},
            "within": WITHIN,
            "systems": found,
        },
        arguments.json,
    )


def measured(trading: TradingOff) -> dict[str, Any]:
    """All points of one draw, and the most of each way that is accurate enough."""
    points = trading.by_others()
    for samples in SAMPLES:
        points += [
            {**point, "by": f"noise, {samples} wish{'es' if samples > 1 else ''}"}
            for point in trading.by_noise(samples)
        ]
    floor = WITHIN * next(point["ndcg@10"] for point in points if point["by"] == "none")
    return {
        "draw": trading.seed,
        "best": {metric: best_of_each(points, metric, floor) for metric in ("coverage@10", "ild@10")},
        "points": points,
    }


def best_of_each(points: list[Point], metric: str, floor: float) -> dict[str, float]:
    """Each way's most of a metric at an NDCG@10 of at least `floor`; no noise is no way of using it."""
    ways = {point["by"] for point in points}
    moved = [point for point in points if point["level"] > 0 or not point["by"].startswith("noise")]
    return {way: best_within([point for point in moved if point["by"] == way], metric, floor) for way in sorted(ways)}


if __name__ == "__main__":
    main()
