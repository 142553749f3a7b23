import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.baselines.best_first import best_first, best_items

VALUES = st.sampled_from([-np.inf, -3.5, -1.0, -0.0, 0.0, 1e-30, 0.25, 2.0, 3e30])
COUNTS = st.sampled_from([0.0, 1e-30, 0.25, 2.0, 3e30])


class TestBestFirst:
    @given(arrays(np.float32, st.tuples(st.integers(0, 4), st.integers(0, 9)), elements=VALUES))
    def test_is_each_row_sorted_with_the_lower_column_first(self, values_BC: np.ndarray) -> None:
        assert best_first(values_BC).tolist() == np.argsort(-values_BC, axis=1, kind="stable").tolist()


class TestBestItems:
    @given(st.lists(st.lists(COUNTS, max_size=6), max_size=5), st.integers(1, 7))
    def test_is_each_line_sorted_and_cut(self, table: list[list[float]], k: int) -> None:
        lines = np.array([line for line, values in enumerate(table) for _ in values], np.int64)
        rows = np.array([2**24 + row for values in table for row in range(len(values))], np.int32)
        flat = np.array([value for values in table for value in values], np.float32)
        best, kept = best_items(lines, rows, flat, len(table), k)
        for line, values in enumerate(table):
            expected = sorted((-np.float32(value), 2**24 + row) for row, value in enumerate(values))[:k]
            missing = k - len(expected)
            assert best[line].tolist() == [row for _, row in expected] + [-1] * missing
            assert kept[line].tolist() == [-value for value, _ in expected] + [0.0] * missing
