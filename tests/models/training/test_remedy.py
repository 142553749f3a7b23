from dataclasses import replace
from itertools import pairwise

import pytest

from models.training.config import QUICK
from models.training.remedy import LADDER, calmed, is_exhausted, told
from models.training.watch import Incident

HARM = Incident(1, 50, "divergence", "")
NOTHING_LEARNED = Incident(3, 150, "nothing was learned", "", nothing_learned=True)


class TestCalmed:
    def test_changes_nothing_before_anything_happened(self) -> None:
        assert calmed(QUICK, []) == QUICK

    def test_is_calmer_each_time(self) -> None:
        all_settings = [calmed(QUICK, [HARM] * count) for count in range(len(LADDER) + 1)]
        for before, after in pairwise(all_settings):
            pairs = [
                (getattr(before, name), getattr(after, name))
                for name in ("learning_rate", "critic_learning_rate", "adversarial_ratio")
            ]
            assert all(new <= old for old, new in pairs)
            assert any(new < old for old, new in pairs)

    def test_the_second_roll_back_switches_the_adversary_off(self) -> None:
        settings = calmed(QUICK, [HARM] * 2)
        assert settings.critic_learning_rate == settings.adversarial_ratio == 0.0
        assert told(settings) == "learning rate 0.00075, adversary off"
        assert (
            told(calmed(QUICK, [HARM]))
            == "learning rate 0.00075, critic's learning rate 0.0001, adversary's weight 0.075"
        )

    def test_where_nothing_was_learned_the_adversary_alone_goes(self) -> None:
        assert told(calmed(QUICK, [NOTHING_LEARNED])) == "learning rate 0.003, adversary off"
        assert told(calmed(QUICK, [HARM, NOTHING_LEARNED])) == "learning rate 0.00075, adversary off"
        assert calmed(QUICK, [NOTHING_LEARNED, HARM]) == calmed(QUICK, [HARM, NOTHING_LEARNED])


class TestIsExhausted:
    @pytest.mark.parametrize(
        ("incidents", "of_harm", "of_nothing_learned"),
        [
            ([], False, False),
            ([HARM], False, False),
            ([HARM] * 2, False, True),
            ([NOTHING_LEARNED], False, True),
            ([HARM] * len(LADDER), True, True),
            ([NOTHING_LEARNED] + [HARM] * (len(LADDER) - 1), False, True),
        ],
    )
    def test_harm_has_the_whole_ladder_and_nothing_learned_one_step(self, incidents, of_harm, of_nothing_learned):
        assert is_exhausted(QUICK, incidents, nothing_learned=False) == of_harm
        assert is_exhausted(QUICK, incidents, nothing_learned=True) == of_nothing_learned

    def test_without_an_adversary_there_is_nothing_to_switch_off(self) -> None:
        assert is_exhausted(replace(QUICK, adversarial_ratio=0.0), [], nothing_learned=True)
