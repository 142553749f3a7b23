import numpy as np
import pytest
import torch

from models.evaluation.images.measures import Measuring
from models.networks.images.classifier import PictureClassifier
from models.training.images.data import PictureData
from tests.models.evaluation.images.photographs import SIZE, photographs


@pytest.fixture(scope="module")
def train() -> PictureData:
    return photographs(each=12, seed=0)


@pytest.fixture(scope="module")
def held_out() -> PictureData:
    return photographs(each=5, seed=1)


@pytest.fixture(scope="module")
def measuring(train: PictureData, held_out: PictureData) -> Measuring:
    torch.manual_seed(0)
    classifier = PictureClassifier(num_categories=2, num_colours=3, channels=(8, 8), picture_channels=3, size=SIZE)
    return Measuring(classifier.eval(), train, held_out)


class TestMeasuring:
    def test_the_held_out_photographs_themselves_are_perfect(self, measuring: Measuring, held_out: PictureData) -> None:
        found = measuring.pictures(held_out.photos_NHWC)
        assert abs(found.fid) < 1e-6
        assert (found.coverage, found.recall, found.precision) == (1.0, 1.0, 1.0)
        assert found.spread_within_class == pytest.approx(1.0)
        assert found.class_accuracy == measuring.classifier_accuracy

    def test_copies_of_training_photographs_are_found_out(
        self, measuring: Measuring, train: PictureData, held_out: PictureData
    ) -> None:
        rows_of = {category: np.flatnonzero(train.category_N == category) for category in (1, 2)}
        like = [rows_of[category][number % 30] for number, category in enumerate(held_out.category_N)]
        copies = measuring.pictures(train.photos_NHWC[like])
        assert copies.nearest_training_median == pytest.approx(0.0, abs=0.05)
        assert copies.nearest_training_below_real == 1.0
        assert measuring.pictures(held_out.photos_NHWC).nearest_training_below_real < 0.1

    def test_one_picture_over_and_over_covers_little_and_varies_not_at_all(
        self, measuring: Measuring, held_out: PictureData
    ) -> None:
        same = measuring.pictures(np.repeat(held_out.photos_NHWC[:1], held_out.num_photos, axis=0))
        assert same.coverage < 0.5
        assert same.spread_within_class == pytest.approx(0.0, abs=1e-6)
        assert same.fid > 10 * abs(measuring.floor(photographs(each=5, seed=2).photos_NHWC)[0])

    def test_noise_is_further_than_photographs(self, measuring: Measuring, held_out: PictureData) -> None:
        noise = np.random.default_rng(0).integers(0, 256, held_out.photos_NHWC.shape, np.uint8)
        fid, kid = measuring.floor(photographs(each=5, seed=2).photos_NHWC)
        found = measuring.pictures(noise)
        assert found.fid > fid
        assert found.kid > kid
