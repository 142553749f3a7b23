import numpy as np
import pytest

from models.fraud.reduce import deviations, distinct, means, smallest, sums

OFFSETS = np.array([0, 3, 3, 5], np.int64)
VALUES = np.array([3.0, 1.0, 2.0, 5.0, 4.0])


class TestStretches:
    def test_sums_means_and_deviations_are_those_of_each(self):
        assert sums(VALUES, OFFSETS).tolist() == [6, 0, 9]
        assert means(VALUES, OFFSETS).tolist() == [2, 0, 4.5]
        assert deviations(VALUES, OFFSETS) == pytest.approx([np.std([3, 1, 2]), 0, 0.5])

    def test_rows_of_several_numbers_are_summed_too(self):
        assert sums(np.stack([VALUES, -VALUES], axis=1), OFFSETS).tolist() == [[6, -6], [0, 0], [9, -9]]

    @pytest.mark.parametrize(("place", "found"), [(0, [1, 9, 4]), (1, [2, 9, 5]), (2, [3, 9, 9])])
    def test_the_smallest_come_in_order(self, place, found):
        assert smallest(VALUES, OFFSETS, place, missing=9.0).tolist() == found

    def test_equal_numbers_count_once(self):
        assert distinct(np.array([7, 7, 2, 7, 7]), OFFSETS).tolist() == [2, 0, 1]

    def test_nothing_at_all_is_nothing_of_each(self):
        nothing, offsets = np.empty(0, np.float32), np.zeros(3, np.int64)
        assert means(nothing, offsets).tolist() == deviations(nothing, offsets).tolist() == [0, 0]
        assert smallest(nothing, offsets, 0, missing=1.0).tolist() == [1, 1]
