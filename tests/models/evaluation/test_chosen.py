from dataclasses import replace

import numpy as np

from models.baselines.buy_again import USUAL_AGE_DECAY
from models.baselines.ease import Ease
from models.data.split import EvaluationCases, split_sequences
from models.evaluation.chosen import REGULARISATIONS, USUAL_REGULARISATION, chosen_buy_again, chosen_ease
from models.training.found import PLACES_ASKED, found_next
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


class TestEase:
    def test_takes_the_default_where_no_event_is_held_out(self) -> None:
        expected = Ease.fit(TRAIN, 4, USUAL_REGULARISATION).weights_NN
        assert np.array_equal(chosen_ease(rival_data(TRAIN, 4)).weights_NN, expected)

    def test_takes_the_first_of_the_best(self) -> None:
        cases = EvaluationCases(sequences_of({"a": [(0, 1)]}), np.array([0, 1]), np.array([1], np.int32))
        expected = Ease.fit(TRAIN, 4, REGULARISATIONS[0]).weights_NN
        assert np.array_equal(chosen_ease(rival_data(TRAIN, 4, validation=cases)).weights_NN, expected)

    def test_takes_what_finds_most(self) -> None:
        rng = np.random.default_rng(3)
        walks = {
            f"u{user}": [(int(row), 0) for row in (user + rng.integers(4, size=8).cumsum()) % 30] for user in range(60)
        }
        split = split_sequences(sequences_of(walks), "leave-one-out", time="order", seed=0)
        data = rival_data(split.train, 30, validation=split.validation)
        found = []
        for regularisation in REGULARISATIONS:
            lists = Ease.fit(split.train, 30, regularisation).rank(
                split.validation.histories, PLACES_ASKED, exclude_seen=data.exclude_seen
            )
            found.append(float(found_next(split.validation, *lists).mean()))
        best = int(np.argmax(found))
        assert best > 0
        assert np.array_equal(chosen_ease(data).weights_NN, Ease.fit(split.train, 30, REGULARISATIONS[best]).weights_NN)


class TestBuyAgain:
    """Whoever took item 1 twice long ago takes it again, though item 2 is the last."""

    CASES = EvaluationCases(
        sequences_of({"a": [(1, 1), (1, 2), *[(row, row + 1) for row in range(2, 40)]]}),
        np.array([0, 1]),
        np.array([1], np.int32),
    )

    def test_takes_what_finds_most(self) -> None:
        data = replace(rival_data(TRAIN, 40, validation=self.CASES), exclude_seen=False)
        assert chosen_buy_again(data).age_decay == 0.99

    def test_takes_the_usual_where_there_is_nothing_to_choose_by(self) -> None:
        assert chosen_buy_again(rival_data(TRAIN, 40, validation=self.CASES)).age_decay == USUAL_AGE_DECAY
        assert chosen_buy_again(rival_data(TRAIN, 40)).age_decay == USUAL_AGE_DECAY
