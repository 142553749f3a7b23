import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.sparse import csr_array

from models.baselines import borrowed as module
from models.baselines.borrowed import LENDERS, borrowed, lenders

matrices = arrays(np.float32, (7, 7), elements=st.sampled_from([0.0, 0.0, 0.5, 1.0, 2.0]))


class TestLenders:
    def test_are_the_likest_by_shares_of_their_squares(self) -> None:
        shares = lenders(csr_array(np.array([[0, 1, 2], [0, 0, 0], [1, 0, 0]], np.float32))).toarray()
        np.testing.assert_allclose(shares, [[0, 0.2, 0.8], [0, 0, 0], [1, 0, 0]], atol=1e-6)

    def test_are_no_more_than_so_many(self) -> None:
        alike = np.random.default_rng(0).random((40, 40), np.float32)
        assert (np.diff(lenders(csr_array(alike)).indptr) == LENDERS).all()


class TestBorrowed:
    @given(matrices, matrices)
    def test_is_the_product_block_by_block(self, shares, taken) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "ENTRIES_PER_BLOCK", 1)
            found = borrowed(csr_array(shares), csr_array(taken)).toarray()
        np.testing.assert_allclose(found, shares @ taken, atol=1e-5)
