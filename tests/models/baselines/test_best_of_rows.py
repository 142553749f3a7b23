import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.baselines.best_of_rows import best_of_rows


class TestBestOfRows:
    def test_largest_first_then_lower_column(self) -> None:
        columns, values = best_of_rows(np.array([0, 4]), np.array([7, 3, 5, 1], np.int32), np.float32([1, 2, 2, 0]), 4)
        assert columns.tolist() == [[3, 5, 7, -1]]
        assert values.tolist() == [[2, 2, 1, 0]]

    @given(st.lists(st.lists(st.sampled_from([-1.0, 0.0, 0.25, 0.5, 2.0]), max_size=6), max_size=6), st.integers(1, 7))
    def test_is_each_row_sorted_and_cut(self, table: list[list[float]], k: int) -> None:
        offsets = np.cumsum([0, *map(len, table)]).astype(np.int64)
        columns = np.array([column for row in table for column in range(len(row))], np.int32)
        values = np.array([value for row in table for value in row], np.float32)
        best, kept = best_of_rows(offsets, columns, values, k)
        for row, row_values in enumerate(table):
            expected = sorted((-value, column) for column, value in enumerate(row_values) if value > 0)[:k]
            missing = k - len(expected)
            assert best[row].tolist() == [column for _, column in expected] + [-1] * missing
            assert kept[row].tolist() == [-value for value, _ in expected] + [0.0] * missing
