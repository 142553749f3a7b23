import numpy as np

from models.baselines.ease import Ease
from models.data.split import EvaluationCases
from models.evaluation.choose_ease import REGULARISATIONS, UNTUNED, choose_ease
from tests.models.data.histories import sequences_of
from tests.models.evaluation.rivals import rival_data

# after item 0, two took item 1 and one took item 2; item 2 is what is taken most
TRAIN = sequences_of(
    {
        "a": [(0, 1), (1, 2)],
        "b": [(0, 1), (1, 2)],
        "c": [(0, 1), (2, 2)],
        **{f"d{n}": [(2, 1), (3, 2)] for n in range(40)},
    }
)


class TestChooseEase:
    def test_takes_the_default_where_no_event_is_held_out(self) -> None:
        expected = Ease.fit(TRAIN, 4, UNTUNED).weights_NN
        assert np.array_equal(choose_ease(rival_data(TRAIN, 4)).weights_NN, expected)

    def test_takes_the_first_of_the_best(self) -> None:
        cases = EvaluationCases(sequences_of({"a": [(0, 1)]}), np.array([0, 1]), np.array([1], np.int32))
        expected = Ease.fit(TRAIN, 4, REGULARISATIONS[0]).weights_NN
        assert np.array_equal(choose_ease(rival_data(TRAIN, 4, validation=cases)).weights_NN, expected)
