import numpy as np
import pytest

from app.observability.spread import SpreadWindow


def wishes(*rows: list[float]) -> np.ndarray:
    return np.array(rows, np.float32)


class TestSpreadWindow:
    def test_nothing_seen_has_no_spread(self):
        assert SpreadWindow().measure() is None

    @pytest.mark.parametrize(
        ("seen", "spread"),
        [
            (wishes([1, 0], [2, 0]), 0.0),
            (wishes([1, 0], [0, 3]), 1.0),
            (wishes([1, 0], [-1, 0]), 2.0),
            (wishes([1, 0], [0, 1], [1, 0]), 2 / 3),
        ],
    )
    def test_is_one_less_the_mean_cosine_of_pairs(self, seen, spread):
        window = SpreadWindow()
        window.add(seen)
        assert window.measure() == pytest.approx(spread, abs=1e-6)

    def test_forgets_the_oldest_request(self):
        window = SpreadWindow(requests=1)
        window.add(wishes([1, 0], [0, 1]))
        window.add(wishes([1, 0], [1, 0]))
        assert window.measure() == pytest.approx(0.0, abs=1e-6)
