from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.domain.events import HistoryEvent
from models.domain.recommendation import RecommendationRequest
from models.recommend.dislikes import nearness_to_disliked
from models.recommend.recommender import Recommender
from tests.models.recommend.scripted_shop import question, scripted_ranker

RANKER = scripted_ranker(500)
TEA = [f"tea-{number}" for number in range(20)]
BOTH = ["tea-1", "paint-1", "tea-2", "paint-2"]


@pytest.fixture(scope="module")
def recommender(tiny_bundle: Path) -> Recommender:
    return Recommender.open(tiny_bundle)


def ask(recommender: Recommender, liked: list[str], disliked: list[str], k: int = 10) -> list[str]:
    history = [HistoryEvent(item_id) for item_id in liked]
    history += [HistoryEvent(item_id, "dislike") for item_id in disliked]
    (answer,) = recommender.recommend([RecommendationRequest(history, k=k)])
    return [item.item_id for item in answer.items]


def share_of_tea(listed: list[str]) -> float:
    return sum(item_id in TEA for item_id in listed) / len(listed)


class TestDislikesInTheTwoTasteShop:
    @pytest.mark.parametrize("liked", [BOTH[::-1], ["paint-1", "tea-1"], []])
    def test_lower_the_share_of_their_taste(self, recommender: Recommender, liked: list[str]) -> None:
        plain = share_of_tea(ask(recommender, liked, []))
        one = share_of_tea(ask(recommender, liked, ["tea-5"]))
        three = share_of_tea(ask(recommender, liked, ["tea-5", "tea-9", "tea-14"]))
        assert plain > three
        assert plain >= one >= three

    def test_the_item_itself_is_gone(self, recommender: Recommender) -> None:
        assert "tea-5" not in ask(recommender, BOTH, ["tea-5"], k=40)
        assert len(ask(recommender, BOTH, ["tea-5"], k=40)) == 35

    def test_an_unknown_one_changes_nothing(self, recommender: Recommender) -> None:
        assert ask(recommender, BOTH, ["never-heard-of"]) == ask(recommender, BOTH, [])


def disliking(rows: list[int], disliked: list[int], **wishes):
    asked = question(rows, excluded=tuple(disliked), k=60, **wishes)
    return replace(asked, disliked_rows=np.array(disliked, np.int32))


class TestPenalty:
    def test_is_full_for_twins_and_nothing_for_strangers(self) -> None:
        features = RANKER.source.item_features_ND
        cosines = (features @ features[0]) / np.linalg.norm(features, axis=1) / np.linalg.norm(features[0])
        near = nearness_to_disliked(RANKER.source, np.array([0], np.int32), np.arange(500, dtype=np.int32))
        assert near[0] == 1.0
        neighbours = RANKER.source.neighbours.rows_NM[0]
        strangers = np.setdiff1d(np.flatnonzero(cosines < 0.2), neighbours)
        assert (near[strangers] == 0).all()
        assert (near[neighbours] > 0).all()
        assert near.min() >= 0

    def test_another_dislike_takes_its_share_of_the_rest(self) -> None:
        rows = np.arange(500, dtype=np.int32)
        one, other, both = (
            nearness_to_disliked(RANKER.source, np.array(disliked, np.int32), rows) for disliked in ([3], [9], [3, 9])
        )
        np.testing.assert_allclose(both, 1 - (1 - one) * (1 - other), atol=1e-6)

    @settings(max_examples=30)
    @given(
        st.lists(st.integers(0, 499), min_size=1, max_size=8),
        st.lists(st.integers(0, 499), min_size=1, max_size=4, unique=True),
        st.sampled_from(["judged", "fused", "generator", "neighbours"]),
        st.data(),
    )
    def test_leaves_one_total_order(self, rows, disliked, stage, data) -> None:
        (whole,) = RANKER.rank([disliking(rows, disliked)], stage)
        excluded = data.draw(st.sets(st.sampled_from(whole.rows_K.tolist()), max_size=20))
        asked = disliking(rows, disliked)
        cut_asked = replace(asked, excluded_rows=np.union1d(asked.excluded_rows, sorted(excluded)).astype(np.int32))
        (cut,) = RANKER.rank([cut_asked], stage)
        place = {row: number for number, row in enumerate(whole.rows_K.tolist())}
        kept = [place[row] for row in cut.rows_K.tolist() if row in place]
        assert kept == sorted(kept)

    @settings(max_examples=20)
    @given(st.lists(st.integers(0, 499), min_size=1, max_size=8), st.integers(0, 499))
    def test_what_is_like_a_dislike_never_gains(self, rows, disliked) -> None:
        (plain,) = RANKER.rank([question(rows, excluded=(disliked,), k=60)])
        (pushed,) = RANKER.rank([disliking(rows, [disliked])])
        near = nearness_to_disliked(RANKER.source, np.array([disliked], np.int32), plain.rows_K)
        scores = dict(zip(pushed.rows_K.tolist(), pushed.scores_K.tolist(), strict=True))
        for row, score, nearness in zip(plain.rows_K.tolist(), plain.scores_K.tolist(), near.tolist(), strict=True):
            if row in scores:
                assert scores[row] == pytest.approx(score, abs=1e-6) if nearness == 0 else scores[row] < score
