import numpy as np
import pytest

from models.domain.errors import RuleRefused
from models.images.product_texts import ProductTexts
from models.images.text_feature import TextProjection
from models.images.vocabulary import PictureVocabulary

WIDTH = 6


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def products() -> np.ndarray:
    """Of one half of all directions."""
    return unit(np.abs(np.random.default_rng(0).standard_normal((200, WIDTH))))


def texts_of(products, letters):
    projection = TextProjection.fit(products)
    vocabulary = PictureVocabulary(["Home > Deep plates"], [])
    return ProductTexts.of(projection, projection.features(products), vocabulary, lambda _: letters)


class TestProductTexts:
    def test_nearness_is_the_cosine_to_the_nearest_product(self, products):
        texts = texts_of(products, products[:1])
        asked = unit(np.random.default_rng(1).standard_normal((20, WIDTH)))
        near = [texts.nearness(text_E) for text_E in asked]
        assert near == pytest.approx((asked @ products.T).max(axis=1).tolist(), abs=1e-4)

    def test_what_is_no_nearer_than_letters_is_refused(self, products):
        letters = unit(products[:10] - 1.2 * products.mean(axis=0))
        texts = texts_of(products, letters)
        with pytest.raises(RuleRefused, match="'xq vz' is no nearer"):
            texts.refuse_far("xq vz", -products[0])
        texts.refuse_far("xq vz", products[0])

    def test_a_word_of_a_category_is_always_known(self, products):
        texts_of(products, products[:1]).refuse_far("some PLATES", -products[0])
