import numpy as np
import pytest

from models.concepts.gap import into_the_gap, nearest
from models.concepts.imagine import led
from models.synthesis.workshop import directions


def circle(*degrees):
    angles = np.deg2rad(np.array(degrees, np.float64))
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def degrees_of(features):
    return np.rad2deg(np.arctan2(features[:, 1], features[:, 0])) % 360


SHELF = circle(*range(0, 80, 2), *range(140, 360, 2))
"""Products all around a circle, but for the sixty degrees between 79 and 139."""


class TestNearest:
    def test_are_in_order(self):
        places, cosines = nearest(circle(11), circle(0, 10, 30), 2)
        assert places.tolist() == [[1, 0]]
        assert cosines[0] == pytest.approx(np.cos(np.deg2rad([1, 11])), abs=1e-6)

    def test_asks_for_no_more_than_there_are(self):
        assert nearest(circle(0), circle(5), 3)[0].shape == (1, 1)

    def test_of_nothing_is_nothing(self):
        places, cosines = nearest(circle(), circle(0, 10, 30), 2)
        assert places.shape == cosines.shape == (0, 2)


class TestIntoTheGap:
    def test_wishes_at_the_edge_of_the_gap_end_in_it(self):
        moved = into_the_gap(circle(76, 142), SHELF, 1.0)
        assert np.all((degrees_of(moved) > 95) & (degrees_of(moved) < 125))

    def test_without_novelty_a_wish_stays(self):
        wishes = circle(10, 200)
        assert into_the_gap(wishes, SHELF, 0.0) == pytest.approx(wishes, abs=1e-6)

    def test_more_novelty_is_a_larger_gap(self):
        gaps = [1 - nearest(into_the_gap(circle(77), SHELF, novelty), SHELF, 1)[1].item() for novelty in (0, 0.3, 1)]
        assert gaps == sorted(gaps)
        assert gaps[-1] > 5 * max(gaps[0], 1e-3)

    def test_lengths_are_1(self):
        moved = into_the_gap(3 * circle(10, 76), SHELF, 0.5)
        assert np.linalg.norm(moved, axis=1) == pytest.approx(1, abs=1e-5)


class TestLed:
    def test_no_two_leaders_are_alike_and_the_better_leads(self):
        leaders, of_leader = led(circle(0, 10, 90, 95, 180), 10)
        assert leaders.tolist() == [0, 2, 4]
        assert of_leader.tolist() == [0, 0, 1, 1, 2]

    def test_stops_at_n(self):
        leaders, of_leader = led(circle(0, 90, 180), 1)
        assert leaders.tolist() == [0]
        assert of_leader.tolist() == [0, -1, -1]

    def test_of_nothing_is_nothing(self):
        leaders, of_leader = led(np.empty((0, 2), np.float32), 5)
        assert len(leaders) == len(of_leader) == 0


class TestDirections:
    def test_zero_stays(self):
        assert directions(np.array([[3, 4], [0, 0]], np.float32)).tolist() == [
            [pytest.approx(0.6), pytest.approx(0.8)],
            [0, 0],
        ]
