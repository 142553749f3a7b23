import numpy as np
import pytest

from models.baselines.ease import MAX_ITEMS, Ease
from models.domain.errors import SettingsRefused
from tests.models.data.histories import sequences_of

TRAIN = sequences_of(
    {
        **{f"a{n}": [(0, 1), (1, 2)] for n in range(3)},
        "b": [(2, 1), (3, 2), (3, 3)],
        "c": [(1, 1), (2, 2)],
    }
)


class TestFit:
    def test_each_column_is_the_ridge_regression_of_its_item_on_all_others(self):
        taken = np.array([[1, 1, 0, 0]] * 3 + [[0, 0, 1, 1], [0, 1, 1, 0]], np.float64)
        weights = Ease.fit(TRAIN, 4, regularisation=0.5).weights_NN
        for item in range(4):
            others = [other for other in range(4) if other != item]
            inputs = taken[:, others]
            expected = np.linalg.solve(inputs.T @ inputs + 0.5 * np.eye(3), inputs.T @ taken[:, item])
            assert weights[others, item] == pytest.approx(expected, abs=1e-5)
            assert weights[item, item] == 0

    def test_refuses_more_items_than_a_dense_matrix_allows(self):
        with pytest.raises(SettingsRefused, match=r"20,001 items are more than the 20,000"):
            Ease.fit(TRAIN, MAX_ITEMS + 1, regularisation=1.0)


class TestRank:
    def test_lists_what_goes_with_the_history(self):
        ease = Ease.fit(TRAIN, 5, regularisation=0.5)
        histories = sequences_of({"first": [(0, 1)], "last": [(3, 1)]})
        rows, _ = ease.rank(histories, 5, exclude_seen=True)
        assert rows[:, 0].tolist() == [1, 2]
        # the fifth item was never taken
        assert 4 not in rows
