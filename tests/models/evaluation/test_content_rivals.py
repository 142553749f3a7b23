from pathlib import Path

import numpy as np
import pytest

from models.data.read import load_dataset
from models.data.sequences_from_events import build_sequences
from models.data.shuffle import shuffle_items
from models.data.split import split_sequences
from models.domain.errors import SettingsRefused
from models.evaluation import content_rivals
from models.evaluation.content_rivals import (
    REGULARISATIONS,
    _chosen_regularisation,
    _held_out,
    _solved,
    fit_content_knn,
    fit_content_regression,
)
from models.evaluation.evaluate import EvaluateOptions, evaluate
from models.evaluation.rival_data import RivalData, RivalTraining
from models.recommend.recommender import Recommender


@pytest.fixture(scope="module")
def data(tiny_shop: Path, tiny_bundle: Path, warm_cache: Path) -> RivalData:
    """Two items of each taste are hidden from what the rivals know."""
    recommender = Recommender.open(tiny_bundle)
    seed = int(recommender.manifest.split["seed"])
    dataset = shuffle_items(load_dataset(tiny_shop).dataset, seed)
    split = split_sequences(build_sequences(dataset, seed=seed), "cold-items", time="real", seed=seed)
    training = RivalTraining("quick", recommender.manifest.text_encoder.name, warm_cache)
    return RivalData(
        dataset,
        "cold-items",
        split.train,
        split.validation,
        exclude_seen=True,
        training=training,
        recommender=recommender,
    )


class TestContentKnn:
    def test_lists_what_is_alike_bought_or_not(self, data: RivalData) -> None:
        assert data.validation is not None
        rows, _ = fit_content_knn(data).rank(data.validation.histories, 5, exclude_seen=True)
        titles = data.dataset.catalogue["brand"].to_list()
        for user, listed in enumerate(rows):
            tastes = {titles[row] for row in data.validation.histories.items_of(user)}
            assert {titles[row] for row in listed} == tastes


class TestContentRegression:
    def test_moves_untrained_items_only(self, data: RivalData) -> None:
        assert data.recommender is not None
        system = fit_content_regression(data, data.recommender)
        before, after = data.recommender.ranker.source.item_features_ND, system.ranker.source.item_features_ND
        untrained = np.bincount(data.train.item_rows_E, minlength=data.num_items) == 0
        assert untrained.any()
        np.testing.assert_array_equal(after[~untrained], before[~untrained])
        assert (np.abs(after[untrained] - before[untrained]).max(axis=1) > 1e-3).all()

    def test_expects_features_as_long_as_finds_most(self, data: RivalData, monkeypatch: pytest.MonkeyPatch) -> None:
        assert data.recommender is not None
        untrained = np.bincount(data.train.item_rows_E, minlength=data.num_items) == 0
        expected = []
        for length in (1.0, 2.0):
            monkeypatch.setattr(content_rivals, "chosen", lambda *_, length=length: (length, None))
            system = fit_content_regression(data, data.recommender)
            expected.append(system.ranker.source.item_features_ND[untrained])
        np.testing.assert_allclose(expected[1], 2 * expected[0], rtol=1e-6)

    def test_finds_the_weights_that_made_the_features(self) -> None:
        rng = np.random.default_rng(0)
        content = rng.normal(size=(400, 5)).astype(np.float32)
        weights = rng.normal(size=(5, 3)).astype(np.float32)
        features = content @ weights
        chosen = _chosen_regularisation(content, features, *_held_out(np.arange(400), seed=0))
        assert chosen == min(REGULARISATIONS)
        np.testing.assert_allclose(_solved(content, features, chosen), weights, atol=0.02)

    def test_needs_a_bundle(self, tiny_shop: Path) -> None:
        with pytest.raises(SettingsRefused, match="content-regression lives in a bundle"):
            evaluate(EvaluateOptions(dataset=tiny_shop, systems=["content-regression"]))
