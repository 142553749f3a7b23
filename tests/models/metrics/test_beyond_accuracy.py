import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from models.metrics.beyond_accuracy import coverage, exposure_gini, intra_list_diversity, mean_of_known, novelty

LISTS = np.array([[0, 1], [0, -1]], np.int32)


class TestCoverage:
    def test_is_the_share_of_items_in_any_list(self) -> None:
        assert coverage(LISTS, 8) == 2 / 8

    def test_padding_is_no_item(self) -> None:
        assert coverage(np.full((3, 2), -1, np.int32), 8) == 0


class TestExposureGini:
    def test_is_zero_where_all_are_shown_equally(self) -> None:
        assert exposure_gini(np.array([[0, 1], [2, 3]], np.int32), 4) == 0

    def test_is_all_but_one_share_where_one_item_has_every_place(self) -> None:
        assert exposure_gini(np.array([[0], [0]], np.int32), 4) == pytest.approx(3 / 4)

    def test_as_worked_out_by_hand(self) -> None:
        # places 0, 0, 1, 2 of four items: Σ(2i - 5)·x / (4·3) = (1·1 + 3·2) / 12
        assert exposure_gini(np.array([[0, 1], [0, -1]], np.int32), 4) == pytest.approx(7 / 12)

    def test_is_zero_where_nothing_is_shown(self) -> None:
        assert exposure_gini(np.full((2, 2), -1, np.int32), 4) == 0


class TestIntraListDiversity:
    CONTENT = sparse.csr_array(np.array([[1, 0], [1, 0], [0, 1], [0.6, 0.8], [0, 0]], np.float64))

    def test_of_twins_is_zero_and_of_strangers_one(self) -> None:
        lists = np.array([[0, 1], [0, 2]], np.int32)
        assert intra_list_diversity(lists, self.CONTENT).tolist() == pytest.approx([0, 1])

    def test_is_the_mean_over_pairs(self) -> None:
        lists = np.array([[0, 2, 3]], np.int32)
        assert intra_list_diversity(lists, self.CONTENT).tolist() == pytest.approx([(1 + 0.4 + 0.2) / 3])

    def test_of_fewer_than_two_items_with_content_is_unknown(self) -> None:
        lists = np.array([[0, -1], [4, 4], [0, 4], [-1, -1]], np.int32)
        assert np.isnan(intra_list_diversity(lists, self.CONTENT)).all()

    def test_an_item_of_unknown_content_makes_no_list_varied(self) -> None:
        lists = np.array([[0, 1, 4]], np.int32)
        assert intra_list_diversity(lists, self.CONTENT).tolist() == pytest.approx([0])


class TestMeanOfKnown:
    def test_passes_over_what_is_unknown(self) -> None:
        assert mean_of_known(np.array([1, np.nan, 2])) == 1.5

    def test_of_nothing_known_is_none(self) -> None:
        assert mean_of_known(np.array([np.nan])) is None
        assert mean_of_known(np.empty(0)) is None


class TestNovelty:
    def test_is_the_surprise_in_bits(self) -> None:
        # with one added to each: 6 and 2 of 8 events
        assert novelty(np.array([[1], [0]], np.int32), np.array([5, 1])).tolist() == pytest.approx([2, 0.4150375])

    def test_is_the_mean_of_what_is_listed(self) -> None:
        assert novelty(np.array([[0, 1], [1, -1]], np.int32), np.array([3, 3])).tolist() == [1, 1]

    @given(st.lists(st.integers(0, 50), min_size=2, max_size=8))
    def test_rarer_is_more_novel(self, num_events: list[int]) -> None:
        order = np.argsort(num_events)
        bits = novelty(order[:, None].astype(np.int32), np.array(num_events))
        assert (np.diff(bits) <= 1e-12).all()
