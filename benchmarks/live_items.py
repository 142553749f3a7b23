"""What live changes cost on a large catalogue: attributes, new items, changed content, deletions; and answers then.

    python benchmarks/live_items.py --bundle BUNDLE --items 100000 --json benchmarks/results/live_items.json

The bundle is enlarged to that many items by repeating its own with noise on their features; networks and text encoder
are its own. Embedding texts is timed apart: it is what a new item costs most, and can be done beforehand.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from record import circumstances, keep

from models.bundle.read import Bundle, open_bundle
from models.domain.events import HistoryEvent
from models.domain.recommendation import RecommendationRequest
from models.recommend.live.documents import ItemDocument
from models.recommend.live.draft import Draft
from models.recommend.recommender import Recommender
from models.retrieval.choice import choose_index
from models.retrieval.faiss_index import set_search_threads
from models.retrieval.index import VectorIndex

PACKAGES: Final = ["numpy", "polars", "faiss-cpu", "onnxruntime"]
TIMES: Final = 7
NUM_REQUESTS: Final = 50


def main() -> None:
    arguments = _arguments()
    set_search_threads(1)
    bundle = enlarged(open_bundle(arguments.bundle), arguments.items)
    trained = Recommender(bundle)
    ids = list(trained.item_ids)
    rng = np.random.default_rng(0)
    prices = [
        ItemDocument(ids[row], {"price": float(row % 97), "in_stock": bool(row % 3)}, merges=True)
        for row in rng.choice(len(ids), 10_000, replace=False)
    ]
    hundred, ten_thousand = new_items(trained, 100), new_items(trained, arguments.new)
    milliseconds = {
        "10,000 prices and stocks": timed(lambda: trained.changed(prices, revision=1)),
        "10,000 prices and stocks of whole documents": timed(
            lambda: trained.changed(whole(trained, prices), revision=1)
        ),
        "the first change ever, of 1 new item": timed(
            lambda: Recommender(bundle).changed(hundred[:1], revision=1, embed=made_up(trained)), 1
        ),
        "1 new item": timed(lambda: trained.changed(hundred[:1], revision=1, embed=made_up(trained))),
        "100 new items": timed(lambda: trained.changed(hundred, revision=1, embed=made_up(trained))),
        "verifying that view": timed(trained.changed(hundred, revision=1, embed=made_up(trained)).verify),
        "1,000 deletions": timed(
            lambda: trained.changed([ItemDocument(item_id, {}, is_deleted=True) for item_id in ids[:1_000]], revision=1)
        ),
        "100 changed titles": timed(
            lambda: trained.changed(
                [ItemDocument(item_id, {"title": "another title"}, merges=True) for item_id in ids[:100]],
                revision=1,
                embed=made_up(trained),
            )
        ),
    }
    views = [trained]

    def import_all() -> None:
        for start in range(0, len(ten_thousand), 500):
            part = ten_thousand[start : start + 500]
            views.append(views[-1].changed(part, revision=1 + start, embed=made_up(trained)))

    milliseconds[f"{arguments.new:,} new items, 500 at a time"] = timed(import_all, 1)
    imported = views[-1]
    milliseconds["10,000 prices and stocks after that"] = timed(lambda: imported.changed(prices, revision=9))
    answers = {
        "a list of the bundle": answered(trained),
        "a list with 100 new items": answered(trained.changed(hundred, revision=1, embed=made_up(trained))),
        f"a list with {arguments.new:,} new items": answered(imported),
        "a list with 1,000 deletions": answered(
            trained.changed([ItemDocument(item_id, {}, is_deleted=True) for item_id in ids[:1_000]], revision=1)
        ),
    }
    texts = Draft.of(trained.items, hundred, revision=1).texts_to_embed
    embedding = timed(lambda: trained.items.origin.encoder.embed(texts), 1)
    result = {
        "what": f"live changes to {len(ids):,} items, one thread",
        **circumstances(PACKAGES),
        "milliseconds": milliseconds,
        "median milliseconds of an answer": answers,
        "embedding 100 titles, milliseconds": embedding,
    }
    keep(result, arguments.json)


def enlarged_features(bundle: Bundle, num_items: int) -> NDArray[np.float32]:
    """The bundle's items over and over, each copy with noise of a tenth of their deviation."""
    rng = np.random.default_rng(0)
    rows, copies = np.arange(num_items) % bundle.manifest.num_items, np.arange(num_items) // bundle.manifest.num_items
    features: NDArray[np.float32] = np.asarray(bundle.item_features_ND[rows])
    features += (0.1 * features.std() * rng.normal(size=features.shape)).astype(np.float32) * (copies > 0)[:, None]
    return features


def enlarged(bundle: Bundle, num_items: int, index: VectorIndex | None = None) -> Bundle:
    """The bundle with so many items; the index is the one that its rule takes, if none is handed in."""
    features = enlarged_features(bundle, num_items)
    rows = np.arange(num_items) % bundle.manifest.num_items
    copies = np.arange(num_items) // bundle.manifest.num_items
    shift = (copies * bundle.manifest.num_items)[:, None]
    neighbours, facts = bundle.neighbours, bundle.item_facts
    neighbour_rows = np.asarray(neighbours.rows_NM)[rows]
    moved = np.where(neighbour_rows < 0, num_items, neighbour_rows + shift)
    # of the last copy, neighbours that are not there go to the end of their lists
    in_order = np.argsort(moved >= num_items, axis=1, kind="stable")
    moved = np.take_along_axis(moved, in_order, axis=1)
    voices = np.take_along_axis(np.asarray(neighbours.voices_NMV)[rows], in_order[..., None], axis=1)
    catalogue = bundle.catalogue[rows].with_columns(
        item_id=pl.col("item_id") + pl.Series([f"-{copy}" for copy in copies]), in_stock=pl.lit(value=True)
    )
    return replace(
        bundle,
        manifest=bundle.manifest.model_copy(update={"num_items": num_items}),
        item_features_ND=features,
        text_features_NE=np.asarray(bundle.text_features_NE)[rows],
        tag_rows_NT=np.asarray(bundle.tag_rows_NT)[rows],
        critic_items_NX=None,
        popularity_N=bundle.popularity_N[rows],
        neighbours=replace(
            neighbours,
            rows_NM=np.where(moved < num_items, moved, -1).astype(np.int32),
            voices_NMV=np.where((moved < num_items)[..., None], voices, np.float32(0)),
        ),
        item_facts=type(facts)(*(getattr(facts, name)[rows] for name in facts.__dataclass_fields__)),
        index=index or choose_index(features).index,
        catalogue=catalogue,
    )


def new_items(recommender: Recommender, number: int) -> list[ItemDocument]:
    """Items like those that are there, under other ids and titles."""
    frame = recommender.catalogue.attributes.frame.drop("item_id")
    rows = np.random.default_rng(1).choice(len(frame), number)
    return [
        ItemDocument(f"new-{place}", {**fields, "title": f"{fields.get('title')} {place}"})
        for place, fields in enumerate(frame[rows].iter_rows(named=True))
    ]


def whole(recommender: Recommender, documents: list[ItemDocument]) -> list[ItemDocument]:
    """The same changes as documents that say everything."""
    rows = [recommender.row_of[document.item_id] for document in documents]
    frame = recommender.catalogue.attributes.frame.drop("item_id")
    return [
        ItemDocument(document.item_id, {**fields, **document.fields})
        for document, fields in zip(documents, frame[rows].iter_rows(named=True), strict=True)
    ]


def made_up(recommender: Recommender) -> Callable[[Any], Any]:
    """Texts embedded in no time: other items' embeddings."""
    text_NE = recommender.items.origin.bundle.text_features_NE
    return lambda texts: np.asarray(text_NE[: len(texts)], np.float32)


def answered(recommender: Recommender) -> dict[str, float]:
    """Median milliseconds of a list of ten."""
    rng = np.random.default_rng(2)
    requests = [
        RecommendationRequest(
            [HistoryEvent(recommender.item_ids[row]) for row in rng.integers(len(recommender.item_ids), size=8)]
        )
        for _ in range(NUM_REQUESTS)
    ]
    recommender.recommend(requests[:2])
    milliseconds = [timed(lambda request=request: recommender.recommend([request]), 1) for request in requests]
    return {name: round(median(each[name] for each in milliseconds), 2) for name in ("clock", "cpu")}


def timed(work: Callable[[], object], times: int = TIMES) -> dict[str, float]:
    """Median milliseconds on the clock, and of this process; once unmeasured first, where it is done more than once."""
    if times > 1:
        work()
    clock, process = [], []
    for _ in range(times):
        started = time.perf_counter(), time.process_time()
        work()
        clock.append(time.perf_counter() - started[0])
        process.append(time.process_time() - started[1])
    return {"clock": round(1e3 * median(clock), 2), "cpu": round(1e3 * median(process), 2)}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--new", type=int, default=10_000)
    parser.add_argument("--json", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
