from collections import Counter

import pytest

from app.runtime.experiments import MOST_NOT_SET_UP, Experiments, Variant
from models.domain.errors import UnknownName

SET_UP = {"e1": [Variant(variant_id="plain", weight=3), Variant(variant_id="bold", overrides={"exploration": 0.4})]}


@pytest.fixture
def experiments():
    return Experiments(SET_UP)


def drawn(experiments, experiment_id, number=4000):
    return [experiments.variant(experiment_id, None, f"user u{one}").variant_id for one in range(number)]


class TestVariant:
    def test_is_the_same_for_one_shopper_each_time_and_everywhere(self, experiments):
        assert drawn(experiments, "e1") == drawn(Experiments(SET_UP), "e1")

    def test_shares_are_those_of_the_weights(self, experiments):
        counts = Counter(drawn(experiments, "e1"))
        assert 0.72 < counts["plain"] / 4000 < 0.78

    def test_of_one_experiment_says_nothing_of_another_s(self, experiments):
        pairs = Counter(zip(drawn(experiments, "x"), drawn(experiments, "y"), strict=True))
        assert all(900 < count < 1100 for count in pairs.values())
        assert len(pairs) == 4

    def test_that_is_named_is_it(self, experiments):
        assert experiments.variant("e1", "bold", "anybody").overrides == {"exploration": 0.4}

    def test_that_is_not_set_up_is_refused_by_name(self, experiments):
        with pytest.raises(UnknownName, match=r"'brave'.*plain, bold"):
            experiments.variant("e1", "brave", "anybody")

    def test_of_an_experiment_that_is_not_set_up_is_the_caller_s_or_a_or_b(self, experiments):
        assert experiments.variant("e2", "mine", "anybody") == Variant(variant_id="mine")
        assert set(drawn(experiments, "e2", 50)) == {"a", "b"}


class TestIsCounted:
    def test_always_where_it_is_set_up(self, experiments):
        fill(experiments)
        assert experiments.is_counted("e1", "plain")

    def test_else_for_the_first_that_come(self, experiments):
        fill(experiments)
        assert experiments.is_counted("made up", "0")
        assert not experiments.is_counted("made up", str(MOST_NOT_SET_UP))


def fill(experiments):
    for number in range(MOST_NOT_SET_UP):
        assert experiments.is_counted("made up", str(number))
