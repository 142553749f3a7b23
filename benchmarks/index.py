"""Every kind of index on the same items: build time, recall, latency, memory, filters; and what one new item costs.

    make bench-index BUNDLE=var/bundles/…        or
    python benchmarks/index.py --bundle BUNDLE --items 12000 100000 1000000 --json benchmarks/results/index.json

The items are the bundle's own features; beyond those, copies with noise of a tenth of their deviation. Queries are
items too, each asked alone for its 100 nearest; times are of the processor, of one thread. The rule is that of
`models.retrieval.choice`. The graph (HNSW) is none of its candidates; it is built up to `--graph-items`, as it takes
minutes beyond. Under a filter both ways are serving's own, `models.recommend.find_more`, from a mask that is kept.
"""

# N items, D features, Q queries

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, Final

import faiss
import numpy as np
from live_items import enlarged, enlarged_features, made_up, new_items
from numpy.typing import NDArray
from record import circumstances, keep

from models.bundle.read import Bundle, open_bundle
from models.recommend.candidates import CandidateSource, Wishes
from models.recommend.find_more import FoundMore, find_more
from models.recommend.mask import Mask
from models.recommend.question import NOTHING, Question
from models.recommend.recommender import Recommender
from models.retrieval.choice import FEW_ITEMS, MARGIN, MIN_RECALL, IndexFigures, Probe, choose_index, measured
from models.retrieval.faiss_index import FaissIndex, exact_index, set_search_threads

PACKAGES: Final = ["numpy", "faiss-cpu"]
SHARES: Final = (0.5, 0.3, 0.2, 0.1, 0.01, 0.001, 0.0001)
WIDTHS: Final = (100, 200, 400, 800)
LINKS: Final = 32
FILTERED_QUERIES: Final = 32
K: Final = 100
NUM_NEW: Final = 4


def main() -> None:
    arguments = _arguments()
    set_search_threads(1)
    bundle = open_bundle(arguments.bundle)
    sizes = {}
    for num_items in arguments.items:
        print(f"{num_items:,} items", flush=True)
        sizes[f"{num_items:,}"] = of_size(bundle, num_items, with_graph=num_items <= arguments.graph_items)
    result = {
        "what": f"indexes of {bundle.manifest.dataset.name}'s item features, {bundle.manifest.embedding_size} numbers; "
        f"beyond its {bundle.manifest.num_items:,} items copies with noise; the {K} nearest, time of one thread",
        **circumstances(PACKAGES),
        "rule": {"min_recall": MIN_RECALL, "most_of_exact_time": MARGIN, "exact_up_to_items": FEW_ITEMS},
        "sizes": sizes,
    }
    keep(result, arguments.json)


def of_size(bundle: Bundle, num_items: int, *, with_graph: bool) -> dict[str, Any]:
    features_ND = enlarged_features(bundle, num_items)
    chosen = choose_index(features_ND, few_items=0)
    exact = exact_index(features_ND)
    kinds = [each.as_dict() for each in chosen.measured]
    if with_graph:
        kinds.append(graph(features_ND, Probe.of(exact, features_ND)).as_dict())
    for each in kinds:
        print(each, flush=True)
    trained = Recommender(enlarged(bundle, num_items, chosen.index))
    return {
        "kinds": kinds,
        "rule takes": chosen.figures.kind if num_items > FEW_ITEMS else "exact",
        "filters": [filtered(trained.ranker.source, share) for share in SHARES],
        "one new item": one_new_item(trained),
    }


def graph(features_ND: NDArray[np.float32], probe: Probe) -> IndexFigures:
    """HNSW, as wide a search as it takes, within limits."""
    started = time.process_time()
    hnsw = faiss.IndexHNSWFlat(features_ND.shape[1], LINKS, faiss.METRIC_INNER_PRODUCT)
    hnsw.hnsw.efConstruction = 80
    hnsw.add(features_ND)
    seconds = time.process_time() - started
    for width in WIDTHS:
        hnsw.hnsw.efSearch = width
        if probe.recall(FaissIndex(hnsw)) >= MIN_RECALL:
            break
    return measured(f"graph, {width} candidates", _Graph(hnsw), probe, seconds)


class _Graph(FaissIndex):
    @property
    def num_bytes(self) -> int:
        return int(self._index.ntotal) * 4 * (int(self._index.d) + 2 * LINKS)


def filtered(source: CandidateSource, share: float) -> dict[str, Any]:
    """The filter handed to the index, against scoring all that it leaves, which is exact."""
    rng = np.random.default_rng(1)
    num_items = len(source.item_features_ND)
    mask = Mask.of(rng.random(num_items) < share)
    for_index = replace(mask, count=num_items)  # where a mask says that it leaves much, serving asks the index
    queries_QD = source.item_features_ND[rng.choice(num_items, FILTERED_QUERIES)]
    true = [nearest(source, query_D, mask) for query_D in queries_QD]
    found = [nearest(source, query_D, for_index) for query_D in queries_QD]
    assert {each.strategy for each in true} == {"exact_prefilter"}
    assert {each.strategy for each in found} == {"ann"}
    hits = sum(
        len(np.intersect1d(one.generated_rows, other.generated_rows)) for one, other in zip(found, true, strict=True)
    )
    return {
        "share": share,
        "items": mask.count,
        "recall in the index": round(hits / max(1, sum(len(each.generated_rows) for each in true)), 4),
        "microseconds in the index": _microseconds(lambda each: nearest(source, each, for_index), queries_QD),
        "microseconds of all that is left": _microseconds(lambda each: nearest(source, each, mask), queries_QD),
    }


def nearest(source: CandidateSource, query_D: NDArray[np.float32], mask: Mask) -> FoundMore:
    """What serving does for one shopper of whom no neighbour knows anything, with everything that this takes."""
    nobody_BX = np.empty((1, 0), np.int32)
    wishes = Wishes(query_D[None], query_D[None, None], nobody_BX, nobody_BX.astype(np.float32))
    no_history = (NOTHING, np.empty(0, np.int8), np.empty(0, np.int64))
    question = Question(no_history, NOTHING, seen_left_out=True, k=K, noise_SZ=np.zeros((1, 1), np.float32), mask=mask)
    return find_more(source, wishes, question, NOTHING, K, exact=False)


def one_new_item(trained: Recommender) -> dict[str, float]:
    """Until a view with one more item may answer: its feature and links, then the check; the text embedded before."""
    view, *others = trained, *new_items(trained, NUM_NEW)
    building, checking = [], []
    for number, item in enumerate(others):
        started = time.process_time()
        view = view.changed([item], revision=number + 1, embed=made_up(trained))
        built = time.process_time()
        view.verify()
        building.append(built - started)
        checking.append(time.process_time() - built)
    return {  # the first change loads what the others share
        "cpu milliseconds of the view": round(1e3 * median(building[1:]), 1),
        "cpu milliseconds of its check": round(1e3 * median(checking[1:]), 1),
        "cpu milliseconds of the first view": round(1e3 * building[0], 1),
    }


def _microseconds(work: Callable[[NDArray[np.float32]], object], queries_QD: NDArray[np.float32]) -> float:
    took = []
    for query_D in queries_QD:
        started = time.thread_time()
        work(query_D)
        took.append(time.thread_time() - started)
    return round(1e6 * median(took), 1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--items", type=int, nargs="+", default=[12_000, 100_000, 1_000_000])
    parser.add_argument("--graph-items", type=int, default=100_000)
    parser.add_argument("--json", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
