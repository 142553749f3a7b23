from pathlib import Path

import numpy as np
import pytest

from models.domain.errors import RuleRefused, UnknownItem
from models.domain.filter import parse_filter
from models.domain.recommendation import Recommendation, SimilarRequest
from models.recommend.live.documents import ItemDocument
from models.recommend.mask import Mask
from models.recommend.recommender import Recommender
from models.recommend.similar import SimilarItems
from tests.models.recommend.scripted_shop import scripted_ranker

TEA = [f"tea-{number}" for number in range(20)]
NONE = np.empty(0, np.int32)


@pytest.fixture(scope="module")
def recommender(tiny_bundle: Path) -> Recommender:
    return Recommender.open(tiny_bundle)


def ids(answer: Recommendation) -> list[str]:
    return [item.item_id for item in answer.items]


class TestNearest:
    def test_is_the_sum_of_cosine_and_closeness_as_neighbour(self) -> None:
        source = scripted_ranker(300).source
        rows, scores, is_near = SimilarItems(source).nearest(7, 20, Mask.of(np.ones(300, np.bool_)), NONE)
        directions = source.item_features_ND / np.linalg.norm(source.item_features_ND, axis=1, keepdims=True)
        likeness = directions @ directions[7]
        weights = source.neighbours.voices_NMV[7, :, 0]
        likeness_near = np.zeros(300)
        likeness_near[source.neighbours.rows_NM[7]] = weights / weights.max()
        expected = likeness + likeness_near
        expected[7] = -9
        np.testing.assert_array_equal(rows, np.argsort(-expected)[:20])
        np.testing.assert_allclose(scores, np.clip(expected[rows] / 2, 0, 1), atol=1e-6)
        np.testing.assert_array_equal(is_near, likeness_near[rows] > 0)


class TestSimilar:
    def test_stays_within_the_taste(self, recommender: Recommender) -> None:
        for item_id in TEA[:5]:
            answer = recommender.similar(SimilarRequest(item_id))
            assert set(ids(answer)) <= set(TEA) - {item_id}
            scores = [item.score for item in answer.items]
            assert scores == sorted(scores, reverse=True)
            assert 0 <= scores[-1] <= scores[0] <= 1
            assert sum(answer.sources.values()) == pytest.approx(1.0)

    def test_within_a_filter_and_without_exclusions(self, recommender: Recommender) -> None:
        asked = parse_filter({"field": "category", "op": "contains", "value": "paint"})
        answer = recommender.similar(
            SimilarRequest("tea-1", k=30, filter=asked, exclude_item_ids=["paint-3", "nothing"])
        )
        assert len(answer.items) == 19
        assert answer.under_filled
        assert "paint-3" not in ids(answer)

    def test_of_a_new_item_and_to_one(self, recommender: Recommender) -> None:
        document = ItemDocument("tea-77", {"title": "tea number 7", "category": "tea > kind 1", "brand": "tea house"})
        changed = recommender.changed([document], revision=1)
        assert set(ids(changed.similar(SimilarRequest("tea-77")))) <= set(TEA)
        assert "tea-77" in ids(changed.similar(SimilarRequest("tea-7", k=30)))

    def test_what_is_not_there_is_named(self, recommender: Recommender) -> None:
        gone = recommender.changed([ItemDocument("tea-1", {}, is_deleted=True)], revision=1)
        for asked, item_id in ((recommender, "nothing"), (gone, "tea-1")):
            with pytest.raises(UnknownItem, match=f"no item '{item_id}'"):
                asked.similar(SimilarRequest(item_id))
        assert "tea-1" not in ids(gone.similar(SimilarRequest("tea-2", k=50)))
        wrong = parse_filter({"field": "colour", "op": "eq", "value": "red"})
        with pytest.raises(RuleRefused, match="colour"):
            recommender.similar(SimilarRequest("tea-1", filter=wrong))
