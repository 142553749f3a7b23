import pytest

from models.synthesis.walk import MIN_EVENTS, mean_length
from tests.models.synthesis.test_habits import habits


class TestMeanLength:
    def test_is_that_of_histories_that_go_on(self):
        found = habits({"a": [(0, 1)], "b": [(0, 1), (1, 2)], "c": [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]})
        assert mean_length(found) == pytest.approx(3.5)

    def test_is_the_shortest_where_none_goes_on(self):
        assert mean_length(habits({"a": [(0, 1)]})) == MIN_EVENTS
