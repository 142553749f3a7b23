from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from models.domain.errors import ModelLacks
from models.features.spec import fit_feature_spec
from models.fraud import listings
from models.fraud.listing_verdicts import LEAST_COMPARED, ListingChecker
from models.fraud.listings import CatalogueLore
from models.fraud.open import listing_judgement, open_detector
from models.recommend.recommender import Recommender
from models.training.fit_listings import ListingShop, fit_listings

# N items, E text embedding


@pytest.fixture
def frame():
    rows = [
        {"item_id": f"i{number}", "title": f"thing {number}", "category": "a > b" if number % 2 else "a > c"}
        for number in range(9)
    ]
    return pl.DataFrame(rows)


@pytest.fixture
def text_NE():
    text_NE = np.random.default_rng(0).standard_normal((9, 4)).astype(np.float32)
    return text_NE / np.linalg.norm(text_NE, axis=1, keepdims=True)


@pytest.fixture
def lore(frame, text_NE):
    spec = fit_feature_spec(frame, text_encoder_digest="d", text_width=4, uses_time=False)
    is_deleted_N = np.zeros(9, np.bool_)
    is_deleted_N[3] = True
    return CatalogueLore(frame, text_NE.astype(np.float16), spec, is_deleted_N)


class TestNearest:
    def test_are_the_nearest_but_the_listing_itself_and_deleted_ones(self, lore, text_NE):
        rows_CK, cosine_CK = lore.nearest(text_NE, np.arange(9, dtype=np.int32), k=7)
        expected_NN = text_NE @ text_NE.astype(np.float16).astype(np.float32).T
        for own in range(9):
            others = [row for row in np.argsort(-expected_NN[own]) if row not in (own, 3)]
            assert rows_CK[own].tolist() == others[:7]
            assert cosine_CK[own] == pytest.approx(expected_NN[own, others[:7]], abs=1e-6)

    def test_asks_for_no_more_than_there_are(self, lore, text_NE):
        rows_CK, cosine_CK = lore.nearest(text_NE[:2], np.array([0, -1], np.int32), k=30)
        assert rows_CK.shape == (2, 7)
        assert np.isfinite(cosine_CK).all()

    @pytest.mark.parametrize("size", [1, 2, 5])
    def test_are_the_same_in_pieces(self, lore, text_NE, monkeypatch, size):
        own = np.arange(9, dtype=np.int32)
        whole = lore.nearest(text_NE, own, k=5)
        monkeypatch.setattr(listings, "ITEMS_PER_PIECE", size)
        for piece, all_at_once in zip(lore.nearest(text_NE, own, k=5), whole, strict=True):
            assert piece == pytest.approx(all_at_once, abs=1e-6)


class TestSaid:
    def test_is_what_the_rows_say(self, lore, frame):
        said = lore.said(np.array([[1, 4], [4, 8]], np.int32))
        assert {row: item["title"] for row, item in said.items()} == {row: frame["title"][row] for row in (1, 4, 8)}


class TestNothingToCompareWith:
    def test_where_nothing_can_be_swapped_nothing_is_fitted(self, text_NE, lore):
        frame = pl.DataFrame({"item_id": [f"i{number}" for number in range(9)], "description": ["words"] * 9})
        shop = ListingShop(frame, text_NE, text_NE, lore.spec, item_encoder=None, critic=None)
        assert fit_listings(shop, seed=0) is None

    def test_a_detector_without_listings_says_what_the_catalogue_lacks(self, fraud_bundle):
        manifest = Recommender.open(fraud_bundle).manifest
        detector = open_detector(fraud_bundle, manifest)
        assert listing_judgement(detector, manifest) is detector.listing
        with pytest.raises(ModelLacks, match=r"no detector of listings: its catalogue needs titles, or a category"):
            listing_judgement(replace(detector, listing=None), manifest)

    def test_nothing_is_decided_without_enough_others(self, fraud_bundle):
        recommender = Recommender.open(fraud_bundle)
        checker = ListingChecker(recommender, open_detector(fraud_bundle, recommender.manifest).listing)
        documents = [{"item_id": "new", "title": "tea number 3", "category": "paint > kind 1"}]
        for num_left, decided in ((LEAST_COMPARED + 1, True), (LEAST_COMPARED, False), (1, False)):
            is_deleted_N = np.arange(len(recommender.item_ids)) >= num_left
            checker._lore = replace(checker._lore, is_deleted_N=is_deleted_N)
            (verdict,) = checker.verdicts(documents)
            assert (verdict.score is not None) == decided
            assert decided or verdict.decision == "abstain"
