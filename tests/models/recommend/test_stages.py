"""Which stages the work of each kind of request tells, in their order."""

from itertools import groupby
from pathlib import Path

import pytest

from app.observability.work import ObservedWork
from models.domain.events import HistoryEvent
from models.domain.filter import Comparison
from models.domain.recommendation import RecommendationRequest, SearchRequest, SimilarRequest
from models.recommend.recommender import Recommender

TEA = tuple(HistoryEvent(f"tea-{number}") for number in range(3))
LIST = ["encode", "filter", "encode", "generate", "search", "fuse", "filter"]
"""Of a list, up to its order."""


@pytest.fixture(scope="module")
def recommender(tiny_bundle: Path) -> Recommender:
    return Recommender.open(tiny_bundle, wish="figment")


def stages(work) -> list[str]:
    """Names of the stages, one for several laps in a row."""
    observed = ObservedWork()
    observed.run(work)
    return [name for name, _ in groupby(name for name, _, _ in observed.laps)]


class TestStages:
    def test_of_a_list(self, recommender: Recommender) -> None:
        found = stages(lambda: recommender.recommend([RecommendationRequest(TEA, k=5)]))
        assert found == [*LIST, "judge", "rerank"]

    def test_of_a_fast_list_hold_no_judge(self, recommender: Recommender) -> None:
        found = stages(lambda: recommender.recommend([RecommendationRequest(TEA, k=5, search_profile="fast")]))
        assert "judge" not in found
        assert found[-1] == "rerank"

    def test_of_a_selective_filter_go_on_below_the_first_candidates(self, recommender: Recommender) -> None:
        cheap = RecommendationRequest(TEA, k=30, filter=Comparison("price", "lte", 8.0))
        found = stages(lambda: recommender.recommend([cheap]))
        assert found[: len(LIST)] == LIST
        assert {"search", "judge"} <= set(found[len(LIST) :])
        assert found[-1] == "rerank"

    def test_of_popular_items(self, recommender: Recommender) -> None:
        found = stages(lambda: recommender.recommend([RecommendationRequest(())]))
        assert found == ["encode", "filter", "rerank"]

    def test_of_an_explanation_are_one_beside_reading_the_request(self, recommender: Recommender) -> None:
        found = stages(lambda: recommender.explain(RecommendationRequest(TEA), ["tea-7"], full=True))
        assert found == ["encode", "filter", "explain"]

    def test_of_a_search(self, recommender: Recommender) -> None:
        found = stages(lambda: recommender.search(SearchRequest(RecommendationRequest(TEA), "tea")))
        assert found[:5] == ["encode", "filter", "encode", "filter", "search"]
        assert {"generate", "fuse", "judge"} <= set(found)
        assert found[-1] == "rerank"

    def test_of_similar_items(self, recommender: Recommender) -> None:
        assert stages(lambda: recommender.similar(SimilarRequest("tea-1"))) == ["filter", "search"]

    def test_several_wishes_are_told_and_one_is_not(self, recommender: Recommender) -> None:
        for exploration, num_samples, seen in ((1.0, 4, (4, recommender.manifest.embedding_size)), (0.0, 4, None)):
            work = ObservedWork()
            asked = RecommendationRequest(TEA, exploration=exploration, num_samples=num_samples)
            work.run(lambda asked=asked: recommender.recommend([asked]))
            assert (None if work.seen_wishes is None else work.seen_wishes.shape) == seen


class TestProbeRecall:
    def test_an_exact_index_finds_everything(self, recommender: Recommender) -> None:
        assert recommender.probe_recall() == recommender.verify() == 1.0
