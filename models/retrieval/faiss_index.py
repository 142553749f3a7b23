"""Nearest items by FAISS: exact as long as that is fast enough, clustered lists with a measured recall above."""

# B queries, N items, D features, E text embedding, K nearest

import math
from pathlib import Path
from typing import Any, Final

import faiss
import numpy as np
from numpy.typing import NDArray

from models.domain.errors import BundleCorrupt
from models.domain.item_rows import NO_ITEM
from models.retrieval.metric import InnerProduct

MAX_EXACT_ITEMS: Final = 200_000
"""Up to here one query meets every item in milliseconds."""
MIN_RECALL: Final = 0.99
"""Share of the true 100 nearest that a clustered index must find."""
RECALL_AT: Final = 100
RECALL_QUERIES: Final = 256
TRAINING_ITEMS_PER_LIST: Final = 64
TEXTS_PER_BLOCK: Final = 8_192


class FaissIndex:
    """A `VectorIndex` on FAISS."""

    def __init__(self, index: Any) -> None:
        self._index = index

    @property
    def num_items(self) -> int:
        """Number of items."""
        return int(self._index.ntotal)

    @property
    def size(self) -> int:
        """Numbers in one item's features."""
        return int(self._index.d)

    def search(
        self, queries_BD: NDArray[np.float32], k: int, allowed_N: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """As `VectorIndex` says; of inverted lists, only those that the index visits are looked through."""
        queries_BD = np.ascontiguousarray(queries_BD, np.float32)
        scores_BK, rows_BK = self._index.search(queries_BD, k, params=self._only(allowed_N))
        return rows_BK.astype(np.int32), np.where(rows_BK == NO_ITEM, np.float32(-np.inf), scores_BK)

    def _only(self, allowed_N: NDArray[np.bool_] | None) -> Any:
        if allowed_N is None:
            return None
        untyped: Any = faiss  # its type stubs do not know what its Python layer accepts
        selector = untyped.IDSelectorBitmap(np.packbits(allowed_N, bitorder="little"))
        if isinstance(self._index, faiss.IndexIVF):
            return untyped.SearchParametersIVF(sel=selector, nprobe=self._index.nprobe)
        return untyped.SearchParameters(sel=selector)

    def save(self, path: Path) -> None:
        """Write the whole index, features included."""
        faiss.write_index(self._index, str(path))

    @classmethod
    def load(cls, path: Path) -> "FaissIndex":
        """The saved index, mapped. FAISS trusts its file: verify the digest first. Raises BundleCorrupt."""
        try:
            index = _opened(path)
        except RuntimeError as error:
            raise BundleCorrupt(path, "FAISS cannot read it") from error
        if index.metric_type != _metric():
            raise BundleCorrupt(path, f"is not an index by {InnerProduct.FAISS_METRIC}")
        return cls(index)


def _opened(path: Path) -> Any:
    """Inverted lists stay in the file, whose pages come as they are visited; of a flat index, its vectors."""
    untyped: Any = faiss
    index = untyped.read_index(str(path), untyped.IO_FLAG_MMAP)
    if not isinstance(index, faiss.IndexIVF):
        return untyped.read_index(str(path), untyped.IO_FLAG_MMAP_IFC)
    lists = untyped.downcast_InvertedLists(index.invlists)
    if isinstance(lists, untyped.OnDiskInvertedLists):
        lists.prefetch_nthread = 0  # else every search starts threads that read ahead
    return index


def set_search_threads(count: int) -> None:
    """How many cores searches of the calling thread may use each; all of them where nothing is said."""
    faiss.omp_set_num_threads(count)  # OpenMP keeps this number for each thread, so other threads are left alone


def build_faiss_index(
    item_features_ND: NDArray[np.float32], *, max_exact_items: int = MAX_EXACT_ITEMS, min_recall: float = MIN_RECALL
) -> FaissIndex:
    """An index of all rows: flat up to `max_exact_items`, inverted lists that reach `min_recall` above."""
    features_ND = np.ascontiguousarray(item_features_ND, np.float32)
    flat = faiss.IndexFlat(features_ND.shape[1], _metric())
    flat.add(features_ND)
    if len(features_ND) <= max_exact_items:
        return FaissIndex(flat)
    return FaissIndex(_clustered(features_ND, FaissIndex(flat), min_recall))


def build_text_index(text_NE: NDArray[np.float16]) -> FaissIndex:
    """A flat index of texts as precise as they are kept, at half of the memory."""
    index: Any = faiss.IndexScalarQuantizer(text_NE.shape[1], faiss.ScalarQuantizer.QT_fp16, _metric())
    for start in range(0, len(text_NE), TEXTS_PER_BLOCK):
        index.add(text_NE[start : start + TEXTS_PER_BLOCK].astype(np.float32))
    return FaissIndex(index)


def measure_recall(index: FaissIndex, exact: FaissIndex, queries_BD: NDArray[np.float32], k: int) -> float:
    """Share of the exact `k` nearest that `index` finds too."""
    found_BK, _ = index.search(queries_BD, k)
    true_BK, _ = exact.search(queries_BD, k)
    hits = sum(len(np.intersect1d(found, true)) for found, true in zip(found_BK, true_BK, strict=True))
    return hits / true_BK.size


def _clustered(features_ND: NDArray[np.float32], exact: FaissIndex, min_recall: float) -> Any:
    """Inverted lists, as many visited as `min_recall` takes; all of them at worst, and then the answer is exact."""
    num_items, size = features_ND.shape
    num_lists = max(1, int(4 * math.sqrt(num_items)))
    index: Any = faiss.index_factory(size, f"IVF{num_lists},Flat", _metric())
    rng = np.random.default_rng(0)
    sample = rng.permutation(num_items)[: TRAINING_ITEMS_PER_LIST * num_lists]
    index.train(features_ND[sample])
    index.add(features_ND)
    queries_BD = features_ND[sample[:RECALL_QUERIES]]
    k = min(RECALL_AT, num_items)
    index.nprobe = 1
    while index.nprobe < num_lists and measure_recall(FaissIndex(index), exact, queries_BD, k) < min_recall:
        index.nprobe = min(num_lists, 2 * index.nprobe)
    return index


def _metric() -> int:
    return int(getattr(faiss, InnerProduct.FAISS_METRIC))
