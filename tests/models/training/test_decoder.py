"""A catalogue whose features say all there is to say, so that the right answers are known."""

import numpy as np
import polars as pl
import pytest

from models.features.spec import fit_feature_spec
from models.networks.in_process import runs_in_process
from models.synthesis.decoder import Decoder
from models.training.decoder import fit_decoder

NUM_ITEMS, SIZE = 240, 8


@pytest.fixture(scope="module")
def shop():
    rng = np.random.default_rng(0)
    kind = rng.integers(3, size=NUM_ITEMS)
    features = np.eye(SIZE, dtype=np.float32)[kind] + 0.1 * rng.standard_normal((NUM_ITEMS, SIZE)).astype(np.float32)
    catalogue = pl.DataFrame(
        {
            "item_id": [str(row) for row in range(NUM_ITEMS)],
            "title": [f"{('leaf', 'brush', 'stone')[each]} no {row}" for row, each in enumerate(kind)],
            "category": [f"{('Tea', 'Paint', 'Garden')[each]} > all" for each in kind],
            "price": (10.0**kind) * rng.uniform(0.9, 1.1, NUM_ITEMS),
        }
    )
    spec = fit_feature_spec(catalogue, text_encoder_digest="", text_width=3, uses_time=False)
    return features, catalogue, spec, fit_decoder(features, features, catalogue, spec, seed=0)


class TestFitDecoder:
    def test_is_right_about_what_it_has_not_seen(self, shop):
        figures = shop[3].figures
        assert figures["category"] == figures["category_top"] == 1.0
        assert figures["nearest_category"] == 1.0
        assert figures["price_inside"] > 0.5
        assert "brand" not in figures

    def test_reads_directions_only(self, shop):
        features, _, spec, fitted = shop
        served = Decoder.of(runs_in_process(fitted.network), fitted.labels, spec)
        near, far = served.decode(features[:5]), served.decode(100 * features[:5])
        assert near.categories_XK == pytest.approx(far.categories_XK, abs=1e-4)

    def test_prices_rise_and_are_of_the_kind(self, shop):
        _, _, spec, fitted = shop
        served = Decoder.of(runs_in_process(fitted.network), fitted.labels, spec)
        prices = served.decode(np.eye(SIZE, dtype=np.float32)[:3]).prices_XQ
        assert np.all(np.diff(prices, axis=1) > 0)
        assert np.all(np.abs(np.log10(prices[:, 1]) - [0, 1, 2]) < 0.2)

    def test_words_are_those_of_the_kind(self, shop):
        _, _, spec, fitted = shop
        served = Decoder.of(runs_in_process(fitted.network), fitted.labels, spec)
        decoded = served.decode(np.eye(SIZE, dtype=np.float32)[:3])
        assert [served.words_of(each, 1) for each in decoded.words_XW] == [["leaf"], ["brush"], ["stone"]]

    def test_of_too_few_items_there_is_none(self, shop):
        features, catalogue, spec, _ = shop
        assert fit_decoder(features[:10], features[:10], catalogue[:10], spec, seed=0) is None
