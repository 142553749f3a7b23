import numpy as np
import pytest

from models.fraud.detector import Detector, Judgement
from models.training.fit_fraud import Stage, fitted, judgement_of
from models.training.fit_trees import fit_forest

NAMES = ("a", "b", "c")
NO_TREES = fit_forest(np.zeros((4, 3), np.float32), seed=0)
"""Asked nothing."""


@pytest.fixture(scope="module")
def fit():
    rng = np.random.default_rng(0)
    figures = rng.standard_normal((1200, 3)).astype(np.float32)
    is_attack = np.arange(1200) >= 1000
    figures[is_attack, 0] += 1.5
    return figures, is_attack, judgement_of(fitted(figures, is_attack, np.arange(1200) % 2, 0), is_attack, NAMES)


class TestJudgement:
    def test_one_genuine_one_in_a_hundred_is_reviewed_and_few_more_are_left_open(self):
        rng = np.random.default_rng(1)
        figures = rng.standard_normal((3000, 3)).astype(np.float32)
        is_attack = np.arange(3000) >= 2500
        figures[is_attack, 0] += 1.5
        stage = fitted(figures, is_attack, np.arange(3000) % 2, 0)
        judgement = judgement_of(stage, is_attack, NAMES)
        decisions = [judgement.decision(float(said)) for said in stage.held_out_B[:2500]]
        assert decisions.count("review") == pytest.approx(25, abs=2)
        assert decisions.count("abstain") == pytest.approx(100, abs=4)

    def test_the_score_is_one_half_where_review_begins(self, fit):
        judgement = fit[2]
        assert judgement.score(judgement.review_from) == pytest.approx(0.5)
        assert judgement.score(judgement.review_from + 1) > 0.5

    def test_probabilities_are_calibrated_to_one_in_a_hundred(self, fit):
        figures, is_attack, judgement = fit
        chances = np.array([judgement.probability(float(said)) for said in judgement.log_odds(figures)])
        genuine, attacks = chances[~is_attack], chances[is_attack]
        assert genuine.mean() < 0.02 < attacks.mean()

    @pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.0), (0.3, -7.0), (40.0, 500.0)])
    def test_probabilities_do_not_depend_on_the_scale_of_what_is_said(self, scale, shift):
        rng = np.random.default_rng(2)
        is_attack = np.arange(2_000) >= 1_800
        plain = (rng.standard_normal(2_000) + 2.0 * is_attack).astype(np.float32)

        def chances(said):
            judgement = judgement_of(Stage(NO_TREES, said.astype(np.float32)), is_attack, NAMES)
            return np.array([judgement.probability(float(each)) for each in said])

        found = chances(scale * plain + shift)
        assert found == pytest.approx(chances(plain), abs=2e-3)
        # two normal distributions two deviations apart, one in a hundred of the second
        assert found == pytest.approx(1 / (1 + 99 * np.exp(2.0 - 2.0 * plain)), abs=0.15)

    def test_a_file_keeps_everything(self, fit, tmp_path):
        figures, _, judgement = fit
        Detector(judgement, judgement, judgement, judgement).save(tmp_path / "fraud.npz")
        again = Detector.load(tmp_path / "fraud.npz", NAMES, NAMES, NAMES, NAMES)
        assert (again.group.log_odds(figures) == judgement.log_odds(figures)).all()
        assert again.alone.review_from == judgement.review_from

    def test_a_shop_without_listings_to_judge_has_a_detector_all_the_same(self, fit, tmp_path):
        figures, _, judgement = fit
        Detector(judgement, judgement, judgement, None).save(tmp_path / "fraud.npz")
        again = Detector.load(tmp_path / "fraud.npz", NAMES, NAMES, NAMES, NAMES)
        assert again.listing is None
        assert (again.group.log_odds(figures) == judgement.log_odds(figures)).all()

    def test_other_figures_are_refused(self, fit, tmp_path):
        Detector(*[fit[2]] * 4).save(tmp_path / "fraud.npz")
        with pytest.raises(ValueError, match="other figures"):
            Detector.load(tmp_path / "fraud.npz", NAMES, NAMES, ("a", "b", "d"), NAMES)

    def test_what_is_no_archive_is_refused(self, tmp_path):
        (tmp_path / "fraud.npz").write_bytes(b"PK\x03\x04 half a file")
        with pytest.raises(ValueError):  # noqa: PT011  NumPy's own words
            Detector.load(tmp_path / "fraud.npz", NAMES, NAMES, NAMES, NAMES)

    def test_nothing_is_pickled(self, fit):
        assert all(each.dtype != object for each in fit[2].arrays("x_").values())
        assert isinstance(fit[2], Judgement)
