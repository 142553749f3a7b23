"""Whether a catalogue with live changes finds what is in it, before it serves."""

# N items, Q probes, K nearest, D features

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.domain.errors import ViewRefused
from models.domain.layered_rows import Rows, layered
from models.recommend.live.items import LiveItems
from models.recommend.ranker import Ranker
from models.retrieval.metric import InnerProduct

NUM_PROBES: Final = 32
"""Items of the bundle, and as many of those that changed."""
PROBED_NEAREST: Final = 10
ROWS_PER_BLOCK: Final = 32_768
MIN_RECALL: Final = 0.9
"""Below this something is wrong: an index that answers finds .95 of the 100 nearest (`models.retrieval.choice`), and of
the 10 nearest more; a few dozen probes tell it to within some hundredths."""


def verify_view(items: LiveItems, ranker: Ranker) -> float:
    """Checks counts, dimensions, and the index against an exact scan; its recall there. Raises ViewRefused."""
    num_items = len(items.catalogue.item_ids)
    counts = {
        "ids": len(items.catalogue.row_of),
        "rows of attributes": len(items.catalogue.attributes.frame),
        "features": len(items.features_ND),
        "texts": len(items.text_NE),
        "lists of neighbours": items.neighbours.num_items,
        "facts": len(items.facts.events_N),
        "popularities": len(ranker.popular.rows_N),
    }
    for what, count in counts.items():
        if count != num_items:
            raise ViewRefused(items.index_version, f"{count} {what} for {num_items} items")
    size = items.origin.bundle.manifest.embedding_size
    if items.features_ND.shape[1] != size:
        raise ViewRefused(items.index_version, f"features of {items.features_ND.shape[1]} numbers, not {size}")
    if not np.isfinite(layered(items.features_ND).delta).all():
        raise ViewRefused(items.index_version, "a feature is not finite")
    is_left_N = ~items.catalogue.attributes.is_deleted_N
    if ranker.source.index.num_items != is_left_N.sum():
        found = ranker.source.index.num_items
        raise ViewRefused(items.index_version, f"the index finds {found} items, {is_left_N.sum()} are left")
    recall = probe_recall(items, ranker)
    if recall < MIN_RECALL:
        raise ViewRefused(
            items.index_version, f"the index finds {recall:.1%} of the nearest items, not {MIN_RECALL:.0%}"
        )
    return recall


def probe_recall(items: LiveItems, ranker: Ranker) -> float:
    """Share of the exact nearest of a few items that the index finds."""
    is_left_N = ~items.catalogue.attributes.is_deleted_N
    return _recall(ranker, items.features_ND, is_left_N, _probes(items, is_left_N))


def _probes(items: LiveItems, is_left_N: NDArray[np.bool_]) -> NDArray[np.int64]:
    rng = np.random.default_rng(items.revision)
    pools = (np.flatnonzero(is_left_N), np.flatnonzero(is_left_N & items.is_own_N))
    return np.concatenate([rng.permutation(pool)[:NUM_PROBES] for pool in pools])


def _recall(ranker: Ranker, features_ND: Rows, is_left_N: NDArray[np.bool_], probes_Q: NDArray[np.int64]) -> float:
    """Share of the exact nearest that the index finds; items as near as the last of them count as well."""
    nearest = min(PROBED_NEAREST, int(is_left_N.sum()))
    if not nearest:
        return 1.0
    queries_QD = features_ND[probes_Q]
    last_Q1 = _last_of_nearest(features_ND, is_left_N, queries_QD, nearest)
    found_QK, _ = ranker.source.index.search(queries_QD, nearest)
    features_QKD = features_ND[np.maximum(found_QK, 0)]
    near_QK = np.einsum("qd,qkd->qk", queries_QD, features_QKD)
    is_found_QK = (found_QK >= 0) & is_left_N[found_QK] & (near_QK >= last_Q1 - 1e-4)
    return float(is_found_QK.mean())


def _last_of_nearest(
    features_ND: Rows, is_left_N: NDArray[np.bool_], queries_QD: NDArray[np.float32], nearest: int
) -> NDArray[np.float32]:
    """How near the last of each query's nearest is [Q, 1]; block after block, as all at once takes half a gigabyte."""
    best_QK = np.full((len(queries_QD), nearest), -np.inf, np.float32)
    for start in range(0, len(features_ND), ROWS_PER_BLOCK):
        rows = np.arange(start, min(start + ROWS_PER_BLOCK, len(features_ND)))
        near_QX = InnerProduct.similarity(queries_QD, features_ND[rows[is_left_N[rows]]])
        all_QX = np.concatenate([best_QK, near_QX], axis=1)
        best_QK = np.partition(all_QX, -nearest, axis=1)[:, -nearest:]
    return np.asarray(best_QK.min(axis=1, keepdims=True), np.float32)
