import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier, IsolationForest

from models.fraud.trees import BoostedTrees
from models.training import fit_trees


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    figures = rng.standard_normal((600, 5)).astype(np.float32)
    return figures, (figures[:, 0] * figures[:, 1] > 0.3) & (rng.random(600) < 0.9)


@pytest.fixture(scope="module")
def trees(rows):
    return fit_trees.fit_trees(*rows, seed=3, num_trees=25)


class TestBoostedTrees:
    def test_say_what_scikit_learn_says(self, rows, trees, monkeypatch):
        kept = []

        class Remembered(GradientBoostingClassifier):
            def fit(self, *arguments, **named):
                kept.append(self)
                return super().fit(*arguments, **named)

        monkeypatch.setattr(fit_trees, "GradientBoostingClassifier", Remembered)
        again = fit_trees.fit_trees(*rows, seed=3, num_trees=25)
        unseen = np.random.default_rng(1).standard_normal((500, 5)).astype(np.float32)
        assert again.log_odds(unseen) == pytest.approx(kept[0].decision_function(unseen), abs=1e-4)
        assert (again.log_odds(unseen) == trees.log_odds(unseen)).all()

    def test_tell_the_two_apart(self, rows, trees):
        figures, is_attack = rows
        said = trees.log_odds(figures)
        assert said[is_attack].mean() > said[~is_attack].mean() + 1

    def test_blended_say_the_weighted_sum(self, rows, trees):
        figures, is_attack = rows
        other = fit_trees.fit_trees(figures[:, 1:], is_attack, seed=4, num_trees=10)
        both = trees.blended(other, 5, (0.5, 2.0)).log_odds(np.concatenate([figures, figures[:, 1:]], axis=1))
        assert both == pytest.approx(0.5 * trees.log_odds(figures) + 2.0 * other.log_odds(figures[:, 1:]), abs=1e-4)

    def test_come_back_from_arrays(self, rows, trees):
        again = BoostedTrees.of_arrays(trees.arrays("a_"), "a_")
        assert (again.log_odds(rows[0]) == trees.log_odds(rows[0])).all()

    def test_refuse_arrays_that_do_not_belong_together(self, trees):
        arrays = trees.arrays("a_")
        with pytest.raises(ValueError, match="shapes"):
            BoostedTrees.of_arrays({**arrays, "a_left_TM": arrays["a_left_TM"][:1]}, "a_")


class TestForest:
    def test_orders_rows_as_scikit_learn_does(self, rows):
        figures, _ = rows
        forest = fit_trees.fit_forest(figures, seed=3)
        theirs = IsolationForest(n_estimators=fit_trees.NUM_ISOLATING, random_state=3).fit(figures)
        unseen = np.random.default_rng(1).standard_normal((500, 5)).astype(np.float32)
        # their score is 2 to the minus mean depth over the depth that is usual for 256 rows
        usual = 2 * (np.log(255.0) + np.euler_gamma) - 2 * 255 / 256
        assert -forest.log_odds(unseen) / usual == pytest.approx(-np.log2(-theirs.score_samples(unseen)), abs=1e-4)

    def test_what_is_unlike_all_stands_out_whichever_way(self, rows):
        figures, _ = rows
        forest = fit_trees.fit_forest(figures, seed=3)
        usual, high, low = forest.log_odds(np.array([[0.0] * 5, [4.0] * 5, [-4.0] * 5], np.float32))
        assert usual < min(high, low) - 1

    def test_blended_with_trees_on_the_same_figures(self, rows, trees):
        figures, _ = rows
        forest = fit_trees.fit_forest(figures, seed=3)
        both = trees.blended(forest, 0, (0.5, 2.0)).log_odds(figures)
        assert both == pytest.approx(0.5 * trees.log_odds(figures) + 2.0 * forest.log_odds(figures), abs=1e-4)
