import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.domain.layered_rows import LayeredRows
from models.retrieval.exact import ExactIndex
from models.retrieval.faiss_index import build_faiss_index
from models.retrieval.layered import LayeredIndex

ROUNDING = 1e-4


def draw_vectors(seed: int, count: int, size: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(count, size)).astype(np.float32)


class TestFaissIsExactSearch:
    @given(
        seed=st.integers(0, 2**32 - 1),
        num_items=st.integers(1, 300),
        num_queries=st.integers(1, 40),
        size=st.integers(1, 128),
        k=st.integers(1, 120),
    )
    def test_same_items_in_the_same_order(self, seed: int, num_items: int, num_queries: int, size: int, k: int) -> None:
        items, queries = draw_vectors(seed, num_items, size), draw_vectors(seed + 1, num_queries, size)
        rows, scores = build_faiss_index(items).search(queries, k)
        exact_rows, exact_scores = ExactIndex(items).search(queries, k)
        np.testing.assert_allclose(scores, exact_scores, atol=ROUNDING)
        # items that differ by less than rounding may swap; each still has the score that it is given
        np.testing.assert_array_equal(rows < 0, exact_rows < 0)
        own_scores = np.take_along_axis(queries @ items.T, np.maximum(rows, 0), axis=1)
        np.testing.assert_allclose(np.where(rows < 0, -np.inf, own_scores), scores, atol=ROUNDING)
        assert all(len(set(listed[listed >= 0])) == (listed >= 0).sum() for listed in rows)

    def test_clearly_different_items_never_swap(self) -> None:
        items = np.arange(1000, dtype=np.float32)[:, None]
        rows, _ = build_faiss_index(items).search(np.array([[1.0], [-1.0]], np.float32), 1000)
        assert rows.tolist() == [list(range(999, -1, -1)), list(range(1000))]

    @given(
        seed=st.integers(0, 2**32 - 1),
        num_items=st.integers(1, 300),
        share=st.sampled_from([0.0, 0.01, 0.1, 0.5, 1.0]),
        k=st.integers(1, 120),
    )
    def test_among_allowed_items_only(self, seed: int, num_items: int, share: float, k: int) -> None:
        items, queries = draw_vectors(seed, num_items, 16), draw_vectors(seed + 1, 3, 16)
        allowed = np.random.default_rng(seed).random(num_items) < share
        rows, scores = build_faiss_index(items).search(queries, k, allowed)
        exact_rows, exact_scores = ExactIndex(items).search(queries, k, allowed)
        np.testing.assert_allclose(scores, exact_scores, atol=ROUNDING)
        np.testing.assert_array_equal(rows < 0, exact_rows < 0)
        assert allowed[rows[rows >= 0]].all()
        assert ((rows >= 0).sum(axis=1) == min(k, allowed.sum())).all()


class TestLayeredIndexIsOneIndex:
    """Replaced, appended and gone rows beside an index that was built before, against one built over what there is."""

    @given(
        seed=st.integers(0, 2**32 - 1),
        num_items=st.integers(1, 200),
        num_new=st.integers(0, 20),
        share=st.sampled_from([None, 0.0, 0.1, 0.5, 1.0]),
        k=st.integers(1, 120),
    )
    def test_same_items_in_the_same_order(
        self, seed: int, num_items: int, num_new: int, share: float | None, k: int
    ) -> None:
        rng = np.random.default_rng(seed)
        items = draw_vectors(seed, num_items, 12)
        replaced = rng.choice(num_items, int(rng.integers(num_items)), replace=False)
        rows = np.concatenate([replaced, np.arange(num_items, num_items + num_new)]).astype(np.int32)
        features = LayeredRows.over(items).changed(rows, draw_vectors(seed + 1, len(rows), 12), num_items + num_new)
        is_gone = rng.random(len(features)) < 0.2
        index = LayeredIndex(build_faiss_index(items), features, is_gone)
        allowed = None if share is None else rng.random(len(features)) < share
        queries = draw_vectors(seed + 2, 3, 12)
        found, scores = index.search(queries, k, allowed)
        left = np.flatnonzero(~is_gone if allowed is None else ~is_gone & allowed)
        places, expected = build_faiss_index(features[left]).search(queries, k) if len(left) else (None, None)
        assert index.num_items == (~is_gone).sum()
        if places is None:
            assert (found == -1).all()
            return
        np.testing.assert_allclose(scores, expected, atol=ROUNDING)
        np.testing.assert_array_equal(found, np.where(places < 0, -1, left[places]))
