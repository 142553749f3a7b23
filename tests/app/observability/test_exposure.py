import numpy as np
import pytest

from app.observability.exposure import Exposure, ExposureWindow


def gini_of(counts: list[int]) -> float:
    """By its definition: mean difference of all pairs, over twice the mean."""
    counts_N = np.array(counts, float)
    return float(np.abs(counts_N[:, None] - counts_N).mean() / (2 * counts_N.mean()))


class TestExposureWindow:
    def test_nothing_listed_has_no_figures(self):
        assert ExposureWindow().measure(10) is None

    def test_evenly_shown_items_have_gini_nothing(self):
        window = ExposureWindow()
        window.add([0, 1, 2, 3])
        assert window.measure(4) == Exposure(coverage=1.0, gini=0.0)

    @pytest.mark.parametrize("counts", [[1, 0, 0, 0], [5, 3, 1, 0, 0, 2], [7, 7, 7]])
    def test_gini_is_that_of_the_definition(self, counts):
        window = ExposureWindow()
        for row, times in enumerate(counts):
            window.add([row] * times)
        measured = window.measure(len(counts))
        assert measured is not None
        assert measured.gini == pytest.approx(gini_of(counts))
        assert measured.coverage == sum(times > 0 for times in counts) / len(counts)

    def test_only_the_newest_places_count(self):
        window = ExposureWindow(places=6)
        for first in range(0, 40, 4):
            window.add([first, first + 1, first + 2])
        measured = window.measure(100)
        assert measured is not None
        assert measured.coverage == 0.06

    def test_a_list_that_no_longer_fits_begins_a_new_round(self):
        window = ExposureWindow(places=5)
        window.add([1, 2, 3])
        window.add([4, 5, 6])
        assert window.measure(10) == Exposure(coverage=0.3, gini=pytest.approx(0.7))

    def test_items_that_are_gone_by_now_still_count(self):
        window = ExposureWindow()
        window.add([0, 1, 2])
        assert window.measure(2) == Exposure(coverage=1.0, gini=0.0)
