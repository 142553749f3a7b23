import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.sparse import csr_array

from models.baselines.lookup import Lookup

matrices = arrays(np.float32, (7, 7), elements=st.sampled_from([0.0, 0.0, 0.5, 1.0, 2.0]))


class TestLookup:
    @given(matrices)
    def test_gives_what_is_stored_and_zero_elsewhere(self, values) -> None:
        rows, columns = np.indices(values.shape).reshape(2, -1).astype(np.int32)
        np.testing.assert_array_equal(Lookup.of(csr_array(values)).at(rows, columns), values.ravel())

    def test_no_item_has_no_value(self) -> None:
        lookup = Lookup.of(csr_array(np.ones((2, 2), np.float32)))
        assert lookup.at(np.array([0, -1, 1], np.int32), np.array([-1, 1, 1], np.int32)).tolist() == [0, 0, 1]
