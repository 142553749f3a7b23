import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.baselines.content_neighbours import content_neighbours
from models.features.content import ItemContent
from models.recommend.live.likeness import Likeness


def content_of(seed: int, num_items: int = 40) -> ItemContent:
    """Some items have no text, some no tag; tag 1 is on nearly all."""
    rng = np.random.default_rng(seed)
    text = rng.normal(size=(num_items, 6)).astype(np.float16).astype(np.float32)
    text[rng.random(num_items) < 0.1] = 0
    tags = np.zeros((num_items, 5), np.int64)
    for row in range(num_items):
        own = rng.choice(np.arange(1, 15), int(rng.integers(0, 5)), replace=False)
        tags[row, : len(own)] = own
    return ItemContent(text, tags, np.zeros(tags.shape, np.float32), np.zeros((num_items, 2), np.float32))


def likeness_of(content: ItemContent) -> Likeness:
    return Likeness(content.text_NE.astype(np.float16), content.tag_rows_NT.astype(np.int32))


class TestLikeness:
    @given(st.integers(0, 2**32 - 1))
    def test_is_that_of_training(self, seed: int) -> None:
        content = content_of(seed)
        expected = content_neighbours(content).toarray()
        alike = likeness_of(content).to_bundle(content.text_NE, content.tag_rows_NT.astype(np.int32))
        np.fill_diagonal(alike, 0.0)
        # all 39 others are kept where there are so few
        np.testing.assert_allclose(np.maximum(alike, 0.0), expected, atol=1e-5)

    @given(st.integers(0, 2**32 - 1))
    def test_is_the_same_for_items_that_the_bundle_does_not_have(self, seed: int) -> None:
        content = content_of(seed)
        text, tags = content.text_NE, content.tag_rows_NT.astype(np.int32)
        likeness = likeness_of(content)
        np.testing.assert_allclose(
            likeness.between(text[:7], tags[:7], text, tags), likeness.to_bundle(text[:7], tags[:7]), atol=1e-5
        )

    def test_tags_that_the_bundle_does_not_know_say_nothing(self) -> None:
        content = content_of(1)
        likeness, text = likeness_of(content), np.zeros((1, 6), np.float32)
        assert likeness.to_bundle(text, np.array([[99, 0]], np.int32)).max() == pytest.approx(0.0)
        assert likeness.between(text, np.array([[99, 0]], np.int32), text, np.array([[99, 0]], np.int32)).max() == 0.0
