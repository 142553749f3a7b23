"""Which index: measured on the very items, the fastest of those that find enough; never slower than an exact one."""

# N items, D features, Q queries, K nearest

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.retrieval.faiss_index import (
    RECALL_AT,
    FaissIndex,
    clustered_index,
    exact_index,
    half_precision_index,
    one_search_thread,
    recall_of,
)
from models.retrieval.index import VectorIndex

MIN_RECALL: Final = 0.95
"""Share of the true 100 nearest that an index must find."""
FEW_ITEMS: Final = 20_000
"""Up to here one query meets every item in .2 ms, and inverted lists save half of that: not worth an item."""
NUM_QUERIES: Final = 256
NUM_TIMED: Final = 64
"""Of the queries, each alone, as a lone request asks."""
ROUNDS: Final = 3
"""The fastest of so many counts: others found less in the cache."""
MARGIN: Final = 0.8
"""Another index has to take at most this share of the exact one's time: less would be a matter of luck."""

Builds = Callable[[NDArray[np.float32]], FaissIndex]


@dataclass(frozen=True, slots=True)
class IndexFigures:
    """One index on one catalogue, asked for the 100 nearest of 256 of its items; processor time of one thread."""

    kind: str
    num_items: int
    recall: float
    p50_microseconds: float
    p95_microseconds: float
    build_seconds: float
    megabytes: float

    def as_dict(self) -> dict[str, Any]:
        """As the manifest keeps it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class ChosenIndex:
    """The index that serves, and all that were measured for it, the exact one first."""

    index: FaissIndex
    figures: IndexFigures
    measured: Sequence[IndexFigures]

    def as_dict(self) -> dict[str, Any]:
        """As the manifest keeps it."""
        others = [each.as_dict() for each in self.measured if each is not self.figures]
        return {**self.figures.as_dict(), "others": others}


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """Queries with their true nearest, the same for every index of a catalogue."""

    queries_QD: NDArray[np.float32]
    nearest_QK: NDArray[np.int32]

    @classmethod
    def of(cls, exact: VectorIndex, item_features_ND: NDArray[np.float32]) -> "Probe":
        """Items drawn from the catalogue, each to be found again among its nearest."""
        rows = np.random.default_rng(0).permutation(len(item_features_ND))[:NUM_QUERIES]
        queries_QD = np.ascontiguousarray(item_features_ND[np.sort(rows)], np.float32)
        nearest_QK, _ = exact.search(queries_QD, min(RECALL_AT, exact.num_items))
        return cls(queries_QD, nearest_QK)

    def recall(self, index: VectorIndex) -> float:
        """Share of the true nearest that the index finds too."""
        return recall_of(index, self.queries_QD, self.nearest_QK)

    def microseconds(self, index: VectorIndex) -> NDArray[np.float64]:
        """Of each timed query alone."""
        k, queries_QD = self.nearest_QK.shape[1], self.queries_QD[:NUM_TIMED]
        with one_search_thread():
            rounds = [[_seconds(index, query_D[None], k) for query_D in queries_QD] for _ in range(ROUNDS)]
        return np.asarray(1e6 * np.array(rounds).min(axis=0))


def measured(kind: str, index: FaissIndex, probe: Probe, build_seconds: float) -> IndexFigures:
    """What the index finds, and how long that takes."""
    microseconds = probe.microseconds(index)
    return IndexFigures(
        kind=kind,
        num_items=index.num_items,
        recall=round(probe.recall(index), 4),
        p50_microseconds=round(float(np.median(microseconds)), 1),
        p95_microseconds=round(float(np.quantile(microseconds, 0.95)), 1),
        build_seconds=round(build_seconds, 2),
        megabytes=round(index.num_bytes / 1e6, 1),
    )


def choose_index(item_features_ND: NDArray[np.float32], *, few_items: int = FEW_ITEMS) -> ChosenIndex:
    """The index of all rows that `MIN_RECALL` and time speak for; only an exact one up to `few_items`."""
    features_ND = np.ascontiguousarray(item_features_ND, np.float32)
    started = time.process_time()
    exact = exact_index(features_ND)
    built = time.process_time()
    probe = Probe.of(exact, features_ND)
    first = measured("exact", exact, probe, built - started)
    best, figures = exact, first
    others: Mapping[str, Builds] = {} if len(features_ND) <= few_items else _others(probe)
    all_measured = [first]
    for kind, build in others.items():
        started = time.process_time()
        index = build(features_ND)
        each = measured(kind, index, probe, time.process_time() - started)
        all_measured.append(each)
        if is_better(each, figures, first):
            best, figures = index, each
    return ChosenIndex(best, figures, all_measured)


def is_better(one: IndexFigures, best: IndexFigures, exact: IndexFigures) -> bool:
    """The rule: finds enough, clearly faster than exact, and faster than the best so far; by what most queries take."""
    return (
        one.recall >= MIN_RECALL
        and one.p50_microseconds <= MARGIN * exact.p50_microseconds
        and one.p95_microseconds <= exact.p95_microseconds
        and one.p50_microseconds < best.p50_microseconds
    )


def _others(probe: Probe) -> dict[str, Builds]:
    """Of FAISS's graph (HNSW) see benchmarks/index.py: slower than inverted lists, at many times the build time."""
    return {
        "exact, half precision": half_precision_index,
        "inverted lists": lambda features_ND: clustered_index(
            features_ND, lambda index: probe.recall(index) >= MIN_RECALL, half_precision=True
        ),
    }


def _seconds(index: VectorIndex, query_1D: NDArray[np.float32], k: int) -> float:
    """Of the processor: on a busy machine the clock says what else ran."""
    started = time.thread_time()
    index.search(query_1D, k)
    return time.thread_time() - started
