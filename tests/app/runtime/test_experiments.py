import os
import subprocess
import sys
from collections import Counter

import pytest
from scipy.stats import binom

from app.runtime.experiments import MOST_NOT_SET_UP, Experiments, Variant
from models.domain.errors import UnknownName

SET_UP = {"e1": [Variant(variant_id="plain", weight=3), Variant(variant_id="bold", overrides={"exploration": 0.4})]}

SHOPPERS = 20_000
DRAWN_EVER_SINCE = "bbbbbabababaabbaabbabbabbbbbabbbabbbaaab"


@pytest.fixture
def experiments():
    return Experiments(SET_UP)


def drawn(experiments, experiment_id, number=4000):
    return [experiments.variant(experiment_id, None, f"user u{one}").variant_id for one in range(number)]


class TestVariant:
    def test_is_the_same_for_one_shopper_each_time_and_everywhere(self, experiments):
        assert drawn(experiments, "e1") == drawn(Experiments(SET_UP), "e1")

    def test_is_the_same_in_another_process_and_another_release(self, experiments):
        """What shoppers are in must outlive a restart, a second replica and an update."""
        seeded = os.environ | {"PYTHONHASHSEED": "1"}
        program = (
            "from app.runtime.experiments import Experiments\n"
            "print(*(Experiments({}).variant('e2', None, f'user u{one}').variant_id for one in range(40)), sep='')"
        )
        told = subprocess.run([sys.executable, "-c", program], env=seeded, capture_output=True, text=True, check=True)
        assert told.stdout.strip() == "".join(drawn(experiments, "e2", 40)) == DRAWN_EVER_SINCE

    @pytest.mark.parametrize("weights", [(1, 1), (3, 1), (1, 2, 5), (0.01, 0.99), (7,)])
    def test_shares_are_those_of_the_weights(self, weights):
        variants = [Variant(variant_id=str(place), weight=weight) for place, weight in enumerate(weights)]
        for experiment_id in ("e1", "e2", "another"):
            counts = Counter(drawn(Experiments({experiment_id: variants}), experiment_id, SHOPPERS))
            for place, weight in enumerate(weights):
                least, most = binom.interval(1 - 1e-6, SHOPPERS, weight / sum(weights))
                assert least <= counts[str(place)] <= most

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
