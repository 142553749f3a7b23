import numpy as np
import pytest

from models.baselines.content_neighbours import content_neighbours
from models.features.content import ItemContent


def content_of(text_NE: list[list[float]], tags_NT: list[list[int]]) -> ItemContent:
    return ItemContent(
        text_NE=np.array(text_NE, np.float32),
        tag_rows_NT=np.array(tags_NT, np.int64),
        tag_weights_NT=np.ones((len(tags_NT), len(tags_NT[0])), np.float32),
        price_NP=np.zeros((len(tags_NT), 2), np.float32),
    )


class TestContentNeighbours:
    def test_like_texts_and_like_tags_add_up(self) -> None:
        """Texts are centred: items 0 and 1 point one way, 2 and 3 the other; 0 and 1 share a rare tag as well."""
        texts = [[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [-1.0, 0.0]]
        alike_NN = content_neighbours(content_of(texts, [[1], [1], [2], [3]])).toarray()
        assert alike_NN[0, 1] == pytest.approx(2.0)
        assert alike_NN[2, 3] == pytest.approx(1.0)
        assert alike_NN[0, 2] == 0

    def test_without_text_tags_decide_alone(self) -> None:
        alike_NN = content_neighbours(content_of([[0.0]] * 4, [[1], [1], [2], [3]])).toarray()
        assert alike_NN[0, 1] == pytest.approx(1.0)
        assert alike_NN[2].sum() == 0

    def test_a_tag_on_every_item_says_nothing(self) -> None:
        assert content_neighbours(content_of([[0.0]] * 3, [[1], [1], [1]])).nnz == 0

    def test_no_item_is_its_own_neighbour(self) -> None:
        assert content_neighbours(content_of([[1.0, 0.2], [0.9, 0.1], [0.0, 1.0]], [[1]] * 3)).diagonal().sum() == 0
