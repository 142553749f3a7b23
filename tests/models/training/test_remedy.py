from itertools import pairwise

from models.training.config import QUICK
from models.training.remedy import LADDER, calmed, told


class TestCalmed:
    def test_changes_nothing_before_anything_happened(self) -> None:
        assert calmed(QUICK, 0) == QUICK

    def test_is_calmer_each_time(self) -> None:
        all_settings = [calmed(QUICK, count) for count in range(len(LADDER) + 1)]
        for before, after in pairwise(all_settings):
            pairs = [
                (getattr(before, name), getattr(after, name))
                for name in ("learning_rate", "critic_learning_rate", "adversarial_ratio")
            ]
            assert all(new <= old for old, new in pairs)
            assert any(new < old for old, new in pairs)

    def test_the_second_roll_back_switches_the_adversary_off(self) -> None:
        settings = calmed(QUICK, 2)
        assert settings.critic_learning_rate == settings.adversarial_ratio == 0.0
        assert told(settings) == "learning rate 0.00075, adversary off"
        assert (
            told(calmed(QUICK, 1)) == "learning rate 0.00075, critic's learning rate 0.0001, adversary's weight 0.075"
        )
