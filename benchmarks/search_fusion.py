"""Does a history help a search? Recall@10 of what a shopper took next, given words of it as the query.

    python benchmarks/search_fusion.py --dataset DIR --bundle BUNDLE --json benchmarks/results/search_fusion_NAME.json

Held-out events. Queries: the item's category (its last level), brand and category, two words of its title. Ways: text
alone; text without a history, as the service answers it (what is popular decides among equals); history alone, without
the query; both. With 95 % bootstrap intervals, and paired differences of both to either alone.
"""

import argparse
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
from held_out import held_out_cases
from numpy.typing import NDArray
from record import circumstances, keep, rounded

from models.domain.events import EVENT_TYPES, HistoryEvent
from models.domain.recommendation import RecommendationRequest, SearchRequest
from models.metrics.bootstrap import mean_interval, paired_difference
from models.recommend.recommender import Recommender
from models.retrieval.faiss_index import set_search_threads

PACKAGES: Final = ["numpy", "polars", "faiss-cpu", "onnxruntime"]
LIST_LENGTH: Final = 10
Item = Mapping[str, Any]


def category(item: Item, _: np.random.Generator) -> str:
    return str(item.get("category") or "").split(" > ")[-1]


def brand_and_category(item: Item, rng: np.random.Generator) -> str:
    return f"{item.get('brand') or ''} {category(item, rng)}".strip()


def two_title_words(item: Item, rng: np.random.Generator) -> str:
    words = [word for word in str(item.get("title") or "").split() if len(word) > 2]
    return " ".join(rng.permutation(words)[:2])


QUERIES: Final[dict[str, Callable[[Item, np.random.Generator], str]]] = {
    "category": category,
    "brand and category": brand_and_category,
    "two words of the title": two_title_words,
}


def main() -> None:
    arguments = _arguments()
    set_search_threads(1)
    recommender = Recommender.open(arguments.bundle, threads=1)
    recommender.prepare_search()
    cases = held_out_cases(arguments.dataset, recommender, arguments.events)
    targets = cases.targets_T[cases.target_offsets_U1[:-1]]
    histories = [history_of(recommender, cases.histories, user) for user in range(cases.num_cases)]
    result = {
        "what": f"search with and without a history on {arguments.dataset.name}, {cases.num_cases:,} held-out events",
        **circumstances(PACKAGES),
        "serves": recommender.serves,
        f"recall@{LIST_LENGTH}": {
            name: recalls(recommender, histories, targets, words) for name, words in QUERIES.items()
        },
    }
    keep(result, arguments.json)


def history_of(recommender: Recommender, histories: Any, user: int) -> list[HistoryEvent]:
    """A held-out shopper's events, as a shop would post them."""
    events = slice(histories.offsets_U1[user], histories.offsets_U1[user + 1])
    columns = (histories.item_rows_E[events], histories.event_types_E[events], histories.timestamps_E[events])
    return [
        HistoryEvent(recommender.item_ids[row], EVENT_TYPES[event_type], float(seconds))
        for row, event_type, seconds in zip(*columns, strict=True)
    ][-500:]


def recalls(
    recommender: Recommender,
    histories: list[list[HistoryEvent]],
    targets: NDArray[np.int32],
    words: Callable[[Item, np.random.Generator], str],
) -> dict[str, Any]:
    """Of each way: mean and interval."""
    frame, rng = recommender.catalogue.attributes.frame, np.random.default_rng(0)
    everything = ~recommender.catalogue.attributes.is_deleted_N
    hits: dict[str, list[float]] = {}
    milliseconds = []
    for history, target in zip(histories, targets, strict=True):
        query = words(frame.row(int(target), named=True), rng)
        if not query:
            continue
        item_id = recommender.item_ids[target]
        asked = RecommendationRequest(history, k=LIST_LENGTH)
        query_E = recommender.items.origin.encoder.embed([query])[0]
        seen = np.array([recommender.row_of[event.item_id] for event in history], np.int32)
        allowed = everything.copy()
        allowed[seen] = not recommender.manifest.exclude_seen
        (by_text,) = recommender._texts.find(query, query_E, [allowed])
        started = time.perf_counter()
        both = recommender.search(SearchRequest(asked, query))
        milliseconds.append(1e3 * (time.perf_counter() - started))
        left_out = [recommender.item_ids[row] for row in seen] if recommender.manifest.exclude_seen else []
        without = RecommendationRequest((), k=LIST_LENGTH, exclude_item_ids=left_out)
        lists = {
            "text": [recommender.item_ids[row] for row in by_text.rows_X[:LIST_LENGTH]],
            "text and popularity": [each.item_id for each in recommender.search(SearchRequest(without, query)).items],
            "history": [each.item_id for each in recommender.recommend([asked])[0].items],
            "both": [each.item_id for each in both.items],
        }
        for way, listed in lists.items():
            hits.setdefault(way, []).append(float(item_id in listed))
    arrays = {way: np.array(values) for way, values in hits.items()}
    table: dict[str, Any] = {
        way: rounded(values.mean(), *mean_interval(values, seed=1)) for way, values in arrays.items()
    }
    for way in ("text", "text and popularity", "history"):
        table[f"both above {way}"] = rounded(*paired_difference(arrays["both"], arrays[way], seed=1))
    return {**table, "events": len(milliseconds), "median_ms": round(median(milliseconds), 1)}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--events", type=int, default=2_000)
    parser.add_argument("--json", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
