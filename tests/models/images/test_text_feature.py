import numpy as np

from models.images.text_feature import TextProjection


class TestTextProjection:
    def test_features_of_what_it_was_fitted_on_have_deviation_1(self) -> None:
        text_NE = np.random.default_rng(0).normal(size=(500, 12)).astype(np.float32) * np.arange(
            1, 13, dtype=np.float32
        )
        features_NF = TextProjection.fit(text_NE, 5).features(text_NE)
        np.testing.assert_allclose(features_NF.std(axis=0, ddof=1), 1.0, atol=1e-3)

    def test_no_text_says_nothing(self) -> None:
        text_NE = np.random.default_rng(0).normal(size=(50, 12)).astype(np.float32)
        text_NE[7] = 0.0
        assert not TextProjection.fit(text_NE, 5).features(text_NE)[7].any()

    def test_directions_that_the_items_do_not_have_are_left_out(self) -> None:
        text_NE = np.zeros((50, 12), np.float32)
        text_NE[:, :3] = np.random.default_rng(0).normal(size=(50, 3))
        projection = TextProjection.fit(text_NE, 8)
        assert projection.features(text_NE).shape == (50, 3)
        stranger_1E = np.ones((1, 12), np.float32)
        assert np.abs(projection.features(stranger_1E)).max() < 10
