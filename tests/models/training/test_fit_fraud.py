import numpy as np
import pytest

from models.training.fit_fraud import PROFILES_PER_TARGET, _of_pool, blended, fitted, with_forest

# B histories


@pytest.fixture(scope="module")
def fit():
    """Genuine histories lie in the middle; attacks that are fitted on lie to one side."""
    rng = np.random.default_rng(0)
    figures_BF = rng.standard_normal((1_200, 4)).astype(np.float32)
    is_attack_B = np.arange(1_200) >= 1_000
    figures_BF[is_attack_B] -= 1.5
    half_B = np.arange(1_200) % 2
    return figures_BF, is_attack_B, half_B, fitted(figures_BF, is_attack_B, half_B, 0)


class TestWithForest:
    def test_finds_what_lies_on_the_other_side_too(self, fit):
        figures_BF, is_attack_B, half_B, trees = fit
        both = with_forest(trees, figures_BF, is_attack_B, half_B, 0)
        genuine_BF = np.random.default_rng(1).standard_normal((500, 4)).astype(np.float32)
        other_side_BF = genuine_BF + 2.5

        def share_above(stage):
            limit = np.quantile(stage.trees.log_odds(genuine_BF), 0.9)
            return (stage.trees.log_odds(other_side_BF) > limit).mean()

        assert share_above(both) > 0.3 > share_above(trees)


class TestBlended:
    def test_both_count_in_deviations_of_genuine_histories(self, fit):
        _, is_attack_B, _, stage = fit
        both = blended(stage, stage, is_attack_B, num_figures=0)
        assert both.held_out_B[~is_attack_B].std() == pytest.approx(2.0, abs=1e-3)


class TestHalves:
    def test_each_half_has_every_attack_and_both_numbers_of_targets(self):
        halves = [int(_of_pool(number, 3)[0]) for number in range(12)]
        per_attack = np.array(halves).reshape(-1, len(PROFILES_PER_TARGET))
        assert (per_attack.sum(axis=1) == 1).all()
        assert 0 < per_attack[:, 0].mean() < 1

    def test_a_campaign_is_not_divided(self):
        assert len(set(_of_pool(3, 7).tolist())) == 1
