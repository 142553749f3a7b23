from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import faiss
import numpy as np
import pytest
from numpy.typing import NDArray

from models.domain.errors import BundleCorrupt
from models.domain.item_rows import NO_ITEM
from models.retrieval.exact import ExactIndex
from models.retrieval.faiss_index import FaissIndex, build_faiss_index, set_search_threads

FEATURES = np.array([[1.0, 0.0], [0.0, 1.0], [3.0, 0.0]], np.float32)


def clustered_features(num_items: int) -> NDArray[np.float32]:
    """Items in twenty bunches, as a shop's are."""
    rng = np.random.default_rng(0)
    bunches = rng.normal(size=(20, 16))
    return (bunches[rng.integers(20, size=num_items)] + 0.5 * rng.normal(size=(num_items, 16))).astype(np.float32)


class TestFaissIndex:
    def test_nearest_first(self) -> None:
        rows, scores = build_faiss_index(FEATURES).search(np.array([[1.0, 0.5], [0.0, -1.0]], np.float32), 3)
        assert rows[0].tolist() == [2, 0, 1]
        assert rows[1, 2] == 1
        np.testing.assert_allclose(scores, [[3.0, 1.0, 0.5], [0.0, 0.0, -1.0]])
        assert (rows.dtype, scores.dtype) == (np.dtype(np.int32), np.dtype(np.float32))

    def test_pads_where_there_are_fewer_items_than_asked(self) -> None:
        rows, scores = build_faiss_index(FEATURES).search(np.ones((1, 2), np.float32), 5)
        assert rows[0, 3:].tolist() == [NO_ITEM, NO_ITEM]
        assert scores[0, 3:].tolist() == [-np.inf, -np.inf]

    def test_takes_arrays_of_any_layout(self) -> None:
        queries = np.asfortranarray(np.random.default_rng(0).normal(size=(4, 2)).astype(np.float32))
        rows, _ = build_faiss_index(np.asfortranarray(FEATURES)).search(queries, 2)
        np.testing.assert_array_equal(rows, ExactIndex(FEATURES).search(queries, 2)[0])

    def test_saved_is_loaded(self, tmp_path: Path) -> None:
        build_faiss_index(FEATURES).save(tmp_path / "index.faiss")
        loaded = FaissIndex.load(tmp_path / "index.faiss")
        assert (loaded.num_items, loaded.size) == (3, 2)
        assert loaded.search(np.array([[1.0, 0.5]], np.float32), 3)[0].tolist() == [[2, 0, 1]]

    def test_names_the_file_that_is_no_index(self, tmp_path: Path) -> None:
        path = tmp_path / "index.faiss"
        path.write_bytes(b"not an index")
        with pytest.raises(BundleCorrupt, match=r"index\.faiss.*FAISS cannot read it"):
            FaissIndex.load(path)

    def test_refuses_an_index_by_another_metric(self, tmp_path: Path) -> None:
        faiss.write_index(faiss.IndexFlatL2(2), str(tmp_path / "index.faiss"))
        with pytest.raises(BundleCorrupt, match="METRIC_INNER_PRODUCT"):
            FaissIndex.load(tmp_path / "index.faiss")


class TestClusteredIndex:
    """What is built above the size where exact search is fast enough; the limit is lowered for the test."""

    def test_reaches_the_recall_that_is_asked_on_queries_it_was_not_tuned_on(self) -> None:
        features = clustered_features(6000)
        index = build_faiss_index(features, max_exact_items=1000, min_recall=0.95)
        queries = clustered_features(6100)[6000:]
        found, _ = index.search(queries, 50)
        true, _ = ExactIndex(features).search(queries, 50)
        recall = np.mean([len(set(a) & set(b)) / 50 for a, b in zip(found.tolist(), true.tolist(), strict=True)])
        assert recall >= 0.9

    def test_full_recall_is_reached_by_visiting_everything_if_need_be(self) -> None:
        features = np.random.default_rng(0).normal(size=(1500, 64)).astype(np.float32)  # no bunches: hard to cluster
        index = build_faiss_index(features, max_exact_items=1000, min_recall=1.0)
        np.testing.assert_array_equal(
            index.search(features[:50], 10)[0], ExactIndex(features).search(features[:50], 10)[0]
        )

    def test_saved_is_loaded_with_its_recall(self, tmp_path: Path) -> None:
        features = clustered_features(3000)
        index = build_faiss_index(features, max_exact_items=1000)
        index.save(tmp_path / "index.faiss")
        queries = features[:20]
        for got, expected in zip(
            FaissIndex.load(tmp_path / "index.faiss").search(queries, 10), index.search(queries, 10), strict=True
        ):
            np.testing.assert_array_equal(got, expected)

    def test_same_items_make_the_same_index(self, tmp_path: Path) -> None:
        features = clustered_features(3000)
        for name in ("a", "b"):
            build_faiss_index(features, max_exact_items=1000).save(tmp_path / name)
        assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


class TestSetSearchThreads:
    def test_holds_for_the_calling_thread_only(self):
        before = faiss.omp_get_max_threads()

        def set_to_three():
            set_search_threads(3)
            return faiss.omp_get_max_threads()

        with ThreadPoolExecutor(1) as other:
            assert other.submit(set_to_three).result() == 3
        assert faiss.omp_get_max_threads() == before
