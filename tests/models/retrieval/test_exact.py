import tracemalloc

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.domain.item_rows import NO_ITEM
from models.domain.layered_rows import LayeredRows
from models.retrieval.exact import QUERIES_PER_BLOCK, ExactIndex

FEATURES = np.array([[1.0, 0.0], [0.0, 1.0], [2.0, 0.0], [1.0, 0.0]], np.float32)


def changed_to(features, rng: np.random.Generator) -> LayeredRows:
    """These features, some of them replaced in a base and some appended to it."""
    base = features[: rng.integers(1, len(features))].copy()
    rows = np.union1d(rng.choice(len(base), len(base) // 2, replace=False), np.arange(len(base), len(features)))
    base[rows[rows < len(base)]] = 9.0
    return LayeredRows.over(base).changed(rows.astype(np.int32), features[rows], len(features))


class TestExactIndex:
    def test_nearest_first_and_of_equals_the_lower_row(self) -> None:
        rows, scores = ExactIndex(FEATURES).search(np.array([[1.0, 0.1]], np.float32), 4)
        assert rows.tolist() == [[2, 0, 3, 1]]
        np.testing.assert_allclose(scores, [[2.0, 1.0, 1.0, 0.1]])
        assert (rows.dtype, scores.dtype) == (np.dtype(np.int32), np.dtype(np.float32))

    def test_pads_where_there_are_fewer_items_than_asked(self) -> None:
        rows, scores = ExactIndex(FEATURES).search(np.array([[1.0, 0.0]], np.float32), 6)
        assert rows[0, 4:].tolist() == [NO_ITEM, NO_ITEM]
        assert scores[0, 4:].tolist() == [-np.inf, -np.inf]

    def test_no_queries_no_rows(self) -> None:
        rows, scores = ExactIndex(FEATURES).search(np.zeros((0, 2), np.float32), 3)
        assert rows.shape == scores.shape == (0, 3)

    @given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.booleans())
    def test_is_all_items_sorted(self, seed: int, k: int, is_layered: bool) -> None:
        """Among few different items, so that many are equally near."""
        rng = np.random.default_rng(seed)
        features = rng.integers(-1, 2, size=(50, 2)).astype(np.float32)
        queries = rng.integers(-1, 2, size=(3, 2)).astype(np.float32)
        allowed = rng.random(50) < rng.choice([0.0, 0.3, 1.0])
        rows, scores = ExactIndex(changed_to(features, rng) if is_layered else features).search(queries, k, allowed)
        for found, values, similarity in zip(rows, scores, queries @ features.T, strict=True):
            expected = sorted(np.flatnonzero(allowed), key=lambda row: (-similarity[row], row))[:k]
            assert found.tolist() == expected + [NO_ITEM] * (k - len(expected))
            assert values.tolist() == [*similarity[expected], *[-np.inf] * (k - len(expected))]

    def test_memory_holds_some_blocks_of_similarities(self) -> None:
        features = np.random.default_rng(0).normal(size=(20_000, 16)).astype(np.float32)
        changed = LayeredRows.over(features).changed(np.array([3], np.int32), np.ones((1, 16), np.float32), 20_000)
        for items in (features, changed):
            tracemalloc.start()
            ExactIndex(items).search(features[:200], 100, np.ones(20_000, np.bool_))
            _, most = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert most < 4 * QUERIES_PER_BLOCK * features[:, 0].nbytes

    @given(st.integers(1, 2 * QUERIES_PER_BLOCK + 1))
    def test_many_queries_are_each_alone(self, num_queries: int) -> None:
        queries = np.random.default_rng(num_queries).normal(size=(num_queries, 2)).astype(np.float32)
        rows, _ = ExactIndex(FEATURES).search(queries, 2)
        last, _ = ExactIndex(FEATURES).search(queries[-1:], 2)
        assert rows[-1].tolist() == last[0].tolist()
