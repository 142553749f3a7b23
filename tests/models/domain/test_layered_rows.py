import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.domain.layered_rows import LayeredRows, layered, of_each

BASE = np.arange(12, dtype=np.float32).reshape(4, 3)


def whole_of(rows: LayeredRows):
    return rows[np.arange(len(rows))]


class TestLayeredRows:
    @given(st.integers(0, 2**32 - 1), st.integers(1, 4))
    def test_reads_like_the_array_that_it_stands_for(self, seed: int, changes: int) -> None:
        rng = np.random.default_rng(seed)
        whole, rows = BASE.copy(), LayeredRows.over(BASE)
        for _ in range(changes):
            num_rows = len(whole) + int(rng.integers(3))
            replaced = rng.choice(len(whole), int(rng.integers(len(whole))), replace=False)
            changed = np.concatenate([replaced, np.arange(len(whole), num_rows)]).astype(np.int32)
            values = rng.normal(size=(len(changed), 3)).astype(np.float32)
            before = whole_of(rows)
            later = rows.changed(changed, values, num_rows)
            np.testing.assert_array_equal(whole_of(rows), before)
            whole = np.concatenate([whole, np.zeros((num_rows - len(whole), 3), np.float32)])
            whole[changed] = values
            rows = later
        assert rows.shape == whole.shape
        np.testing.assert_array_equal(whole_of(rows), whole)
        some = rng.integers(-1, len(whole), size=(5, 2))
        np.testing.assert_array_equal(rows[some], whole[some])
        places = rng.integers(3, size=(5, 2))
        np.testing.assert_array_equal(rows[some, places], whole[some, places])
        np.testing.assert_array_equal(of_each(rows, lambda layer: 2 * layer.T), 2 * whole.T)
        assert BASE[0, 0] == 0.0

    def test_what_it_gives_may_be_written_to(self) -> None:
        rows = LayeredRows.over(BASE).changed(np.array([1], np.int32), np.ones((1, 3)), 4)
        found = rows[np.array([0, 1])]
        found[:] = 7
        assert rows[np.array([0, 1])].max() == 2

    def test_a_new_row_must_have_a_value(self) -> None:
        with pytest.raises(ValueError, match="no value"):
            LayeredRows.over(BASE).changed(np.array([4], np.int32), np.ones((1, 3)), 6)

    def test_knows_which_rows_are_not_the_bases(self) -> None:
        rows = layered(BASE).changed(np.array([5, 2, 4], np.int32), np.ones((3, 3)), 6)
        assert rows.layered.tolist() == [2, 4, 5]
        assert layered(rows) is rows
