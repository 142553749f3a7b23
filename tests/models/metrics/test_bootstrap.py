import numpy as np
import pytest

from models.metrics.bootstrap import mean_interval, paired_difference


class TestMeanInterval:
    def test_of_a_constant_is_that_constant(self) -> None:
        assert mean_interval(np.full(50, 0.25), seed=0) == pytest.approx((0.25, 0.25))

    def test_is_about_two_standard_errors_to_each_side(self) -> None:
        values = np.random.default_rng(3).random(2_000)
        error = values.std() / np.sqrt(len(values))
        low, high = mean_interval(values, seed=0)
        assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.25 * error)
        assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.25 * error)

    def test_is_the_same_for_the_same_seed(self) -> None:
        values = np.arange(20.0)
        assert mean_interval(values, seed=7) == mean_interval(values, seed=7)
        assert mean_interval(values, seed=7) != mean_interval(values, seed=8)


class TestPairedDifference:
    def test_sees_a_small_gain_that_every_user_has(self) -> None:
        noisy = np.random.default_rng(0).random(200)
        mean, low, high = paired_difference(noisy + 0.01, noisy, seed=0)
        assert (mean, low, high) == pytest.approx((0.01, 0.01, 0.01))

    def test_makes_nothing_of_noise(self) -> None:
        rng = np.random.default_rng(0)
        mean, low, high = paired_difference(rng.random(500), rng.random(500), seed=0)
        assert low < 0 < high
        assert low < mean < high

    def test_turns_round_with_its_arguments(self) -> None:
        better, worse = np.array([1.0, 1.0, 0.0, 1.0] * 30), np.array([0.0, 1.0, 0.0, 1.0] * 30)
        forward, backward = paired_difference(better, worse, seed=0), paired_difference(worse, better, seed=0)
        assert forward[0] == -backward[0] == 0.25
        assert forward[1] > 0 > backward[2]

    def test_refuses_other_users(self) -> None:
        with pytest.raises(ValueError, match="the same users"):
            paired_difference(np.zeros(2), np.zeros(3), seed=0)
