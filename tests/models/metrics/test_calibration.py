import math

import numpy as np
import pytest

from models.metrics.calibration import miscalibration

GROUPS = np.array([0, 0, 1, 1, -1], np.int32)


def of(listed: list[int], taken: list[int]) -> float:
    offsets = np.array([0, len(taken)])
    (found,) = miscalibration(np.array([listed], np.int32), offsets, np.array(taken, np.int32), GROUPS)
    return float(found)


class TestMiscalibration:
    def test_is_zero_where_the_list_mixes_as_the_history_does(self) -> None:
        assert of([1, 3], [0, 2]) == pytest.approx(0)

    def test_as_worked_out_by_hand(self) -> None:
        # history half and half, list three to one: ½·ln(.5 / (.99·.75 + .005)) + ½·ln(.5 / (.99·.25 + .005))
        expected = 0.5 * math.log(0.5 / 0.7475) + 0.5 * math.log(0.5 / 0.2525)
        assert of([0, 1, 0, 2], [0, 2]) == pytest.approx(expected)

    def test_a_kind_that_is_missing_costs_much_and_not_all(self) -> None:
        assert of([2, 3], [0, 1]) == pytest.approx(math.log(100))

    def test_unknown_kinds_and_padding_are_passed_over(self) -> None:
        assert of([0, 4, -1], [1, 4]) == pytest.approx(0)

    @pytest.mark.parametrize(("listed", "taken"), [([4, -1], [0]), ([0], [4])])
    def test_where_no_kind_is_known_there_is_nothing_to_tell(self, listed: list[int], taken: list[int]) -> None:
        assert math.isnan(of(listed, taken))

    def test_users_beyond_one_call_are_told_alike(self) -> None:
        taken = (np.arange(1_500) % 4).astype(np.int32)
        assert miscalibration(taken[:, None], np.arange(1_501), taken, GROUPS) == pytest.approx(np.zeros(1_500))
