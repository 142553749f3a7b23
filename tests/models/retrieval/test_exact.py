import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.domain.item_rows import NO_ITEM
from models.retrieval.exact import QUERIES_PER_BLOCK, ExactIndex

FEATURES = np.array([[1.0, 0.0], [0.0, 1.0], [2.0, 0.0], [1.0, 0.0]], np.float32)


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

    @given(st.integers(1, 2 * QUERIES_PER_BLOCK + 1))
    def test_many_queries_are_each_alone(self, num_queries: int) -> None:
        queries = np.random.default_rng(num_queries).normal(size=(num_queries, 2)).astype(np.float32)
        rows, _ = ExactIndex(FEATURES).search(queries, 2)
        last, _ = ExactIndex(FEATURES).search(queries[-1:], 2)
        assert rows[-1].tolist() == last[0].tolist()
