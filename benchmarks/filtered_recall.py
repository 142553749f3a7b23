"""Lists under filters against an exact scan of everything that the filter leaves, and what either way costs.

    python benchmarks/filtered_recall.py --items 100000 --json benchmarks/results/filtered_recall.json

Made-up items. An exact scan scores every allowed item and orders it as serving does, without index or prefilter. The
second table times the two ways of finding the 500 nearest allowed items alone: where they cross is PREFILTER_SHARE.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from record import circumstances, keep
from synthetic_shop import NOISE_SIZE, synthetic_ranker

from models.recommend.find_more import PREFILTER_SHARE
from models.recommend.mask import Mask
from models.recommend.pool import NUM_MORE
from models.recommend.question import Question
from models.recommend.ranker import Ranker
from models.retrieval.faiss_index import set_search_threads

SHARES: Final = (0.5, 0.1, 0.01, 0.001, 0.0001)
LENGTHS: Final = (10, 100)
CROSSING_SHARES: Final = (0.5, 0.3, 0.2, 0.1, 0.05, 0.01)
PACKAGES: Final = ["numpy", "faiss-cpu"]


def main() -> None:
    arguments = _arguments()
    set_search_threads(1)
    ranker = synthetic_ranker(arguments.items, arguments.size)
    rows = [row for share in SHARES for row in recall_rows(ranker, share, arguments.requests)]
    result = {
        "what": f"filtered lists on {arguments.items:,} made-up items of {arguments.size} numbers, one thread",
        **circumstances(PACKAGES),
        "recall": rows,
        "crossing": {"prefilter_share": PREFILTER_SHARE, "milliseconds": crossing(ranker, arguments.requests)},
    }
    keep(result, arguments.json)


def recall_rows(ranker: Ranker, share: float, num_requests: int) -> list[dict[str, Any]]:
    """Recall of each list length at one selectivity."""
    num_items, rng = len(ranker.source.item_features_ND), np.random.default_rng(0)
    rows = []
    for k in LENGTHS:
        recalls, seconds, strategies = [], [], set()
        for _ in range(num_requests):
            mask = Mask.of(rng.random(num_items) < share)
            asked = question(rng.integers(num_items, size=8), mask, k)
            started = time.perf_counter()
            (answer,) = ranker.rank([asked])
            seconds.append(time.perf_counter() - started)
            strategies.add(answer.strategy)
            expected = exact_scan(ranker, asked)
            recalls.append(len(np.intersect1d(answer.rows_K, expected)) / max(1, len(expected)))
        rows.append(
            {
                "share": share,
                "k": k,
                "recall": float(np.mean(recalls)),
                "median_ms": round(1e3 * median(seconds), 2),
                "strategies": sorted(strategies),
            }
        )
        print(rows[-1])
    return rows


def question(rows: NDArray[np.int64], mask: Mask, k: int) -> Question:
    """What a shopper with these items asks."""
    history = rows.astype(np.int32)
    return Question(
        history=(history, np.full(len(rows), 3, np.int8), np.full(len(rows), -1, np.int64)),
        excluded_rows=np.unique(history),
        seen_left_out=True,
        k=k,
        noise_SZ=np.zeros((1, NOISE_SIZE), np.float32),
        mask=mask,
    )


def exact_scan(ranker: Ranker, asked: Question) -> NDArray[np.int32]:
    """The k best of all allowed items, each scored."""
    proposal = ranker.propose([asked])
    order = ranker.order(proposal, "judged")
    rows_C, values_C = proposal.candidates.rows_BC[0], order.values_BC[0]
    first_C = np.isfinite(values_C)
    everything = np.arange(len(ranker.source.item_features_ND), dtype=np.int32)
    rest = everything[asked.allows(everything) & ~np.isin(everything, rows_C[first_C])]
    kept_C = first_C & proposal.allowed_BC[0]
    rows, values = rows_C[kept_C], values_C[kept_C]
    if len(rest):
        more = ranker.source.scored(
            proposal.history, proposal.candidates.wishes, rest[None], rest[None], np.empty((1, 0), np.int32)
        )
        rows, values = np.concatenate([rows, more.rows_BC[0]]), np.concatenate([values, order.of_more(0, more)[0]])
    best = np.lexsort((rows, -values))
    return rows[best][np.isfinite(values[best])][: asked.k]


def crossing(ranker: Ranker, num_requests: int) -> list[dict[str, Any]]:
    """Milliseconds of the index that skips, and of scoring all that is left, by share and number of samples."""
    source, rng = ranker.source, np.random.default_rng(1)
    num_items, size = source.item_features_ND.shape
    rows = []
    for num_samples in (1, 4):
        for share in CROSSING_SHARES:
            mask = Mask.of(rng.random(num_items) < share)
            wishes_SD = rng.normal(size=(num_samples, size)).astype(np.float32)

            def through_index(wishes_SD: NDArray[np.float32] = wishes_SD, mask: Mask = mask) -> None:
                source.index.search(wishes_SD, NUM_MORE, mask.allowed_N)

            def all_that_is_left(wishes_SD: NDArray[np.float32] = wishes_SD, mask: Mask = mask) -> None:
                likeness_SA = wishes_SD @ source.item_features_ND[mask.rows()].T
                np.argpartition(-likeness_SA, min(NUM_MORE, likeness_SA.shape[1] - 1), axis=1)

            rows.append(
                {
                    "samples": num_samples,
                    "share": share,
                    "index": timed(through_index, num_requests),
                    "prefilter": timed(all_that_is_left, num_requests),
                }
            )
    return rows


def timed(work: Callable[[], None], times: int) -> float:
    """Median milliseconds."""
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return round(1e3 * median(seconds), 2)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--requests", type=int, default=20)
    parser.add_argument("--json", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
