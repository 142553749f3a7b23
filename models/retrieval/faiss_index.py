"""Nearest items by FAISS: exact, in half precision, or by clustered lists with a measured recall."""

# B queries, N items, D features, E text embedding, K nearest

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import faiss
import numpy as np
from numpy.typing import NDArray

from models.domain.errors import BundleCorrupt
from models.domain.item_rows import NO_ITEM
from models.retrieval.index import VectorIndex
from models.retrieval.metric import InnerProduct

MAX_EXACT_ITEMS: Final = 200_000
"""Up to here one query meets every item in milliseconds."""
MIN_RECALL: Final = 0.99
"""Share of the true 100 nearest that a clustered index must find."""
RECALL_AT: Final = 100
RECALL_QUERIES: Final = 256
LISTS_PER_ROOT: Final = 2
"""Of the number of items. With 100,000 real items of 64 numbers, 2 took 194 µs a query at recall .956, 4 took 208, and
8 took 306; with a million, 2 took 1.8 ms and half the time to build of 4 with 2.1 ms."""
TRAINING_ITEMS_PER_LIST: Final = 64
TRAINING_ROUNDS: Final = 10
"""Of k-means. How many lists are then visited follows from the recall, so more would only take longer."""
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
        """As `VectorIndex` says; where a filter leaves less, as many more inverted lists are looked through."""
        queries_BD = np.ascontiguousarray(queries_BD, np.float32)
        scores_BK, rows_BK = self._index.search(queries_BD, k, params=self._only(allowed_N))
        return rows_BK.astype(np.int32), np.where(rows_BK == NO_ITEM, np.float32(-np.inf), scores_BK)

    def _only(self, allowed_N: NDArray[np.bool_] | None) -> Any:
        if allowed_N is None:
            return None
        untyped: Any = faiss  # its type stubs do not know what its Python layer accepts
        selector = untyped.IDSelectorBitmap(np.packbits(allowed_N, bitorder="little"))
        if isinstance(self._index, faiss.IndexIVF):
            visited = lists_under_filter(self._index.nprobe, self._index.nlist, allowed_N)
            return untyped.SearchParametersIVF(sel=selector, nprobe=visited)
        return untyped.SearchParameters(sel=selector)

    @property
    def num_bytes(self) -> int:
        """Memory of its items, as the index keeps them."""
        index: Any = faiss.downcast_index(self._index)
        is_clustered = isinstance(index, faiss.IndexIVF)
        return int(index.ntotal) * int(index.code_size + 8 if is_clustered else index.code_size)

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


def lists_under_filter(visited: int, num_lists: int, allowed_N: NDArray[np.bool_]) -> int:
    """As many lists as hold about as many allowed items as `visited` hold items; all of them at most."""
    share = float(allowed_N.mean()) if len(allowed_N) else 1.0
    return num_lists if share * num_lists <= visited else math.ceil(visited / share)


def exact_nearest(features_ND: NDArray[np.float32], queries_BD: NDArray[np.float32], k: int) -> NDArray[np.int32]:
    """Rows of the true nearest [B, min(k, N)]; no index is built."""
    untyped: Any = faiss
    _, rows_BK = untyped.knn(queries_BD, features_ND, min(k, len(features_ND)), metric=_metric())
    return np.asarray(rows_BK, np.int32)


def num_lists_of(num_items: int) -> int:
    """Inverted lists for so many items."""
    return max(1, int(LISTS_PER_ROOT * math.sqrt(num_items)))


def set_search_threads(count: int) -> None:
    """How many cores searches of the calling thread may use each; all of them where nothing is said."""
    faiss.omp_set_num_threads(count)  # OpenMP keeps this number for each thread, so other threads are left alone


@contextmanager
def one_search_thread() -> Iterator[None]:
    """Searches of the calling thread take one core inside."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def build_faiss_index(
    item_features_ND: NDArray[np.float32], *, max_exact_items: int = MAX_EXACT_ITEMS, min_recall: float = MIN_RECALL
) -> FaissIndex:
    """An index of all rows: exact up to `max_exact_items`, inverted lists that reach `min_recall` above.

    The same for the same items, whatever the machine; what serves is chosen by time too, see `models.retrieval.choice`.
    """
    features_ND = np.ascontiguousarray(item_features_ND, np.float32)
    exact = exact_index(features_ND)
    if len(features_ND) <= max_exact_items:
        return exact
    queries_BD = features_ND[np.random.default_rng(0).permutation(len(features_ND))[:RECALL_QUERIES]]
    true_BK, _ = exact.search(queries_BD, min(RECALL_AT, len(features_ND)))
    return clustered_index(features_ND, lambda index: recall_of(index, queries_BD, true_BK) >= min_recall)


def exact_index(features_ND: NDArray[np.float32]) -> FaissIndex:
    """Every query meets every item."""
    index = faiss.IndexFlat(features_ND.shape[1], _metric())
    index.add(features_ND)
    return FaissIndex(index)


def half_precision_index(features_ND: NDArray[np.float32]) -> FaissIndex:
    """The same on half of the memory, which is what takes the time where there are many items."""
    index: Any = faiss.IndexScalarQuantizer(features_ND.shape[1], faiss.ScalarQuantizer.QT_fp16, _metric())
    index.add(features_ND)
    return FaissIndex(index)


def clustered_index(
    features_ND: NDArray[np.float32], is_enough: Callable[[FaissIndex], bool], *, half_precision: bool = False
) -> FaissIndex:
    """Inverted lists, of which as few are visited as are enough; all of them at worst."""
    num_items, size = features_ND.shape
    num_lists = num_lists_of(num_items)
    index: Any = faiss.index_factory(size, f"IVF{num_lists},{'SQfp16' if half_precision else 'Flat'}", _metric())
    index.by_residual = False  # a number as it is keeps more of itself than what it differs by from its list
    index.cp.niter = TRAINING_ROUNDS
    sample = np.random.default_rng(0).permutation(num_items)[: TRAINING_ITEMS_PER_LIST * num_lists]
    index.train(features_ND[sample])
    index.add(features_ND)
    index.nprobe = 1
    while index.nprobe < num_lists and not is_enough(FaissIndex(index)):
        index.nprobe = min(num_lists, 2 * index.nprobe)
    too_few, enough = index.nprobe // 2, index.nprobe
    while enough - too_few > max(1, enough // 8):
        index.nprobe = (too_few + enough) // 2
        if is_enough(FaissIndex(index)):
            enough = index.nprobe
        else:
            too_few = index.nprobe
    index.nprobe = enough
    return FaissIndex(index)


def build_text_index(text_NE: NDArray[np.float16]) -> FaissIndex:
    """A flat index of texts as precise as they are kept, at half of the memory."""
    index: Any = faiss.IndexScalarQuantizer(text_NE.shape[1], faiss.ScalarQuantizer.QT_fp16, _metric())
    for start in range(0, len(text_NE), TEXTS_PER_BLOCK):
        index.add(text_NE[start : start + TEXTS_PER_BLOCK].astype(np.float32))
    return FaissIndex(index)


def recall_of(index: VectorIndex, queries_BD: NDArray[np.float32], true_BK: NDArray[np.int32]) -> float:
    """Share of the true K nearest that `index` finds too."""
    found_BK, _ = index.search(queries_BD, true_BK.shape[1])
    hits = sum(len(np.intersect1d(found, true)) for found, true in zip(found_BK, true_BK, strict=True))
    return hits / true_BK.size


def _metric() -> int:
    return int(getattr(faiss, InnerProduct.FAISS_METRIC))
