from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.domain.errors import RuleRefused
from models.domain.events import HistoryEvent
from models.domain.filter import parse_filter
from models.domain.recommendation import Recommendation, RecommendationRequest, SearchRequest
from models.domain.rules import parse_boosts
from models.recommend.live.documents import ItemDocument
from models.recommend.recommender import NOTHING_MATCHES, Recommender
from models.recommend.search.ranks import fused, reciprocal_ranks, words_first

TEA = [f"tea-{number}" for number in range(20)]
PAINT = [f"paint-{number}" for number in range(20)]
SLOW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def recommender(tiny_bundle: Path) -> Recommender:
    return Recommender.open(tiny_bundle)


def search(recommender: Recommender, query: str, *items: str, candidates=None, **wishes) -> Recommendation:
    history = [HistoryEvent(item_id) for item_id in items]
    return recommender.search(SearchRequest(RecommendationRequest(history, **wishes), query, candidates))


def ids(answer: Recommendation) -> list[str]:
    return [item.item_id for item in answer.items]


class TestByText:
    def test_finds_what_is_asked_for(self, recommender: Recommender) -> None:
        answer = search(recommender, "tea")
        assert set(ids(answer)) <= set(TEA)
        assert (answer.strategy, answer.fallback) == ("text", "none")
        assert answer.sources == {"words": 1.0, "meaning": 0.0}

    def test_exact_words_matter(self, recommender: Recommender) -> None:
        assert ids(search(recommender, "tea number 17"))[0] == "tea-17"
        assert ids(search(recommender, "TEA number 17!"))[0] == "tea-17"
        assert ids(search(recommender, "tea number 7"))[0] == "tea-7"

    def test_a_word_of_one_sign_counts_in_what_is_asked_as_in_what_is_found(self, recommender: Recommender) -> None:
        allowed_N = np.ones(len(recommender.row_of), np.bool_)
        query_E = np.zeros(recommender._texts.text_NE[np.array([0])].shape[1], np.float32)
        (found,) = recommender._texts.find("tea number 7", query_E, [allowed_N])
        assert found.coverage_X.max() == pytest.approx(1.0)
        assert (found.coverage_X <= 1.0 + 1e-6).all()

    def test_meaning_finds_what_no_word_does(self, recommender: Recommender) -> None:
        answer = search(recommender, "something warm to drink", k=20)
        assert answer.sources["meaning"] == 1.0
        assert sum(item_id in TEA for item_id in ids(answer)) > 12

    @pytest.mark.parametrize("query", ["xqzvw kjhgf", "wrtplk", "zzkq vbnmx qwpoi"])
    def test_letters_without_meaning_are_told(self, recommender: Recommender, query: str) -> None:
        assert NOTHING_MATCHES in search(recommender, query).warnings
        assert NOTHING_MATCHES in search(recommender, query, "tea-1").warnings

    @pytest.mark.parametrize("query", ["tea", "something warm to drink", "tea xqzvw", "colours for the wall"])
    def test_words_with_meaning_are_not(self, recommender: Recommender, query: str) -> None:
        assert search(recommender, query).warnings == []

    def test_what_a_filter_leaves_out_was_near_all_the_same(self, recommender: Recommender) -> None:
        only_paint = parse_filter({"field": "category", "op": "contains", "value": "paint"})
        assert NOTHING_MATCHES not in search(recommender, "tea", filter=only_paint).warnings

    def test_a_history_orders_what_is_found(self, recommender: Recommender) -> None:
        (plain, for_tea, for_paint) = (
            ids(search(recommender, "number", *items, k=38)) for items in ([], TEA[:2], PAINT[:2])
        )
        assert sum(item_id in TEA for item_id in for_tea[:10]) >= 9
        assert sum(item_id in PAINT for item_id in for_paint[:10]) >= 9
        assert set(for_tea) <= {*TEA, *PAINT}
        assert plain != for_tea

    def test_a_history_never_outweighs_the_words(self, recommender: Recommender) -> None:
        for items in (TEA[:3], PAINT[:3], []):
            assert ids(search(recommender, "paint number 17", *items))[0] == "paint-17"

    def test_what_was_seen_is_left_out_as_in_every_list(self, recommender: Recommender) -> None:
        assert "tea-1" not in ids(search(recommender, "tea", "tea-1", k=40))
        assert "tea-1" in ids(search(recommender, "tea", "tea-1", k=40, exclude_seen=False))

    def test_scores_fall_and_lie_between_zero_and_one(self, recommender: Recommender) -> None:
        scores = [item.score for item in search(recommender, "green tea", "tea-4", k=30).items]
        assert scores == sorted(scores, reverse=True)
        assert 0 < scores[-1] <= scores[0] <= 1

    @SLOW
    @given(
        st.sampled_from(["tea", "number 3", "paint house", "water colours", "kind 1"]),
        st.lists(st.sampled_from([*TEA, *PAINT]), max_size=4),
        st.sets(st.sampled_from([*TEA, *PAINT]), max_size=20),
        st.floats(1, 20),
    )
    def test_a_filter_never_reorders_survivors(self, recommender, query, items, excluded, most) -> None:
        whole = ids(search(recommender, query, *items, k=40))
        cheap = parse_filter({"field": "price", "op": "lte", "value": most})
        cut = ids(search(recommender, query, *items, k=40, filter=cheap, exclude_item_ids=sorted(excluded)))
        kept = {item_id for item_id in whole if int(item_id.split("-")[1]) + 1 <= most and item_id not in excluded}
        assert cut == [item_id for item_id in whole if item_id in kept]

    def test_rules_mean_what_they_always_mean(self, recommender: Recommender) -> None:
        boosts = parse_boosts([{"field": "item_id", "op": "eq", "value": "paint-9", "weight": 100}])
        assert ids(search(recommender, "number", "tea-1", boosts=boosts))[0] == "paint-9"
        limited = ids(search(recommender, "tea", "tea-1", max_per={"category": 1}))
        assert len(limited) == 3 + 3
        with pytest.raises(RuleRefused, match="no attribute"):
            search(recommender, "tea", filter=parse_filter({"field": "x", "op": "eq", "value": 1}))

    def test_new_and_changed_items_are_found_and_deleted_ones_are_not(self, recommender: Recommender) -> None:
        changed = recommender.changed(
            [
                ItemDocument("pot", {"title": "Cast iron kettle", "brand": "Zwilling", "price": 80.0}),
                ItemDocument("tea-3", {"title": "Darjeeling first flush"}, merges=True),
                ItemDocument("tea-4", {}, is_deleted=True),
            ],
            revision=1,
        )
        assert ids(search(changed, "zwilling"))[0] == "pot"
        assert ids(search(changed, "kettle to boil water"))[0] == "pot"
        assert ids(search(changed, "darjeeling"))[0] == "tea-3"
        assert "tea-4" not in ids(search(changed, "tea number 4", k=50))
        assert "pot" not in ids(search(recommender, "zwilling kettle", k=50))
        later = changed.changed([ItemDocument("pot", {"price": 70.0}, merges=True)], revision=2)
        assert ids(search(later, "zwilling"))[0] == "pot"

    @pytest.mark.parametrize(("query", "reason"), [("", "no word"), (" \n", "no word"), ("x" * 513, "limit is 512")])
    def test_refuses_what_is_no_query(self, recommender: Recommender, query: str, reason: str) -> None:
        with pytest.raises(RuleRefused, match=reason) as refused:
            search(recommender, query)
        assert refused.value.path == ("query",)

    @pytest.mark.parametrize("query", ["🙂", "'\"; drop table", "\u202e", "a", "%_", "ß" * 500])
    def test_survives_any_text(self, recommender: Recommender, query: str) -> None:
        assert len(search(recommender, query).items) == 10


class TestByCandidates:
    def test_keeps_the_engines_order_without_a_history(self, recommender: Recommender) -> None:
        handed = [("tea-9", 3.0), ("paint-2", 9.0), ("tea-1", 1.0)]
        popular = recommender.ranker.popular.shares_N
        answer = search(recommender, "anything", candidates=handed)
        assert set(ids(answer)) == {"tea-9", "paint-2", "tea-1"}
        assert (answer.strategy, answer.sources) == ("candidates", {"candidates": 1.0})
        assert answer.under_filled
        equal = search(recommender, "", candidates=[(item_id, 1.0) for item_id in ("tea-9", "paint-2", "tea-1")])
        by_popularity = sorted(("tea-9", "paint-2", "tea-1"), key=lambda each: -popular[recommender.row_of[each]])
        assert ids(equal) == by_popularity

    def test_a_history_reranks_them_and_brings_in_no_other(self, recommender: Recommender) -> None:
        handed = [(item_id, 1.0) for item_id in (*PAINT[:5], *TEA[5:10])]
        answer = search(recommender, "x", "tea-1", "tea-2", candidates=handed, k=10)
        assert set(ids(answer)[:5]) == set(TEA[5:10])
        assert set(ids(answer)) == {item_id for item_id, _ in handed}

    def test_unknown_and_forbidden_ones_are_left_out(self, recommender: Recommender) -> None:
        handed = [("nothing", 5.0), ("tea-1", 4.0), ("tea-2", 3.0), ("tea-2", 1.0), ("tea-3", 2.0)]
        answer = search(recommender, "x", "tea-1", candidates=handed, exclude_item_ids=["tea-3"])
        assert ids(answer) == ["tea-2"]
        assert list(answer.warnings) == ["1 of the candidates are not in the catalogue: skipped"]
        assert ids(search(recommender, "x", candidates=[])) == []

    @pytest.mark.parametrize("most", [1e300, 3e38, 1.7e308, 2.0**53])
    def test_scores_of_any_size_order_them_as_small_ones_do(self, recommender: Recommender, most: float) -> None:
        names = ["tea-9", "paint-2", "tea-1", "tea-3"]
        small, huge = ([-2.0, 3.0, 0.0, 2.0], [-most, most, 0.0, most - most * 2.0**-53])
        told = [
            search(recommender, "x", *items, candidates=list(zip(names, scores, strict=True)))
            for scores in (small, huge)
            for items in ((), ("tea-4", "tea-5"))
        ]
        assert [answer.items for answer in told[:2]] == [answer.items for answer in told[2:]]

    @SLOW
    @given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
    def test_only_the_order_of_the_scores_counts(self, recommender: Recommender, scores: list[float]) -> None:
        places = {score: float(place) for place, score in enumerate(sorted(set(scores)))}
        by_score, by_place = (
            search(recommender, "x", "paint-3", candidates=list(zip(TEA, values, strict=False)), k=20)
            for values in (scores, [places[score] for score in scores])
        )
        assert by_score.items == by_place.items
        assert all(0 < item.score <= 1 for item in by_score.items)

    def test_more_than_a_thousand_are_refused(self, recommender: Recommender) -> None:
        with pytest.raises(RuleRefused, match=r"candidates: has 1001 entries, the limit is 1000"):
            search(recommender, "x", candidates=[("tea-1", 1.0)] * 1001)


class TestReciprocalRanks:
    def test_are_counted_among_the_others(self) -> None:
        among = np.array([5.0, 3.0, 3.0, 1.0], np.float32)
        ranks = 60 / reciprocal_ranks(np.array([9.0, 5.0, 4.0, 3.0, 1.0, 0.0], np.float32), among) - 60
        np.testing.assert_allclose(ranks, [0, 0, 1, 1, 3, 5], atol=1e-4)

    @given(
        st.lists(
            st.floats(-5, 5, width=32) | st.floats(width=32, allow_nan=False, allow_infinity=False),
            min_size=2,
            max_size=20,
        ),
        st.integers(1, 19),
    )
    def test_keep_the_order_of_the_values(self, values: list[float], size: int) -> None:
        own = np.array(values, np.float32)
        ranks = reciprocal_ranks(own, own[:size])
        assert (np.diff(ranks[np.argsort(own, kind="stable")]) >= 0).all()
        assert 0 < ranks.min() <= ranks.max() <= 1

    def test_fused_is_one_where_both_are_first(self) -> None:
        np.testing.assert_allclose(fused(np.array([1.0, 0.5]), np.array([1.0, 1.0]), 1.5), [1.0, 0.8])

    def test_words_come_first_and_ranks_decide_where_there_are_none(self) -> None:
        coverage, ranks = np.array([0.2, 0.6, 0.6], np.float32), np.array([1.0, 0.1, 0.2])
        found = words_first(coverage, coverage, ranks)
        assert np.argsort(-found).tolist() == [2, 1, 0]
        nothing = np.zeros(3, np.float32)
        np.testing.assert_allclose(words_first(nothing, nothing, ranks), ranks)
