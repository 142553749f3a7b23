from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.domain.events import HistoryEvent
from models.domain.explanation import Explanation
from models.domain.recommendation import RecommendationRequest
from models.recommend.explain import MAX_REMOVED, Explainer, without
from models.recommend.fusion import FusionWeights, as_score
from models.recommend.recommender import Recommender
from tests.models.recommend.scripted_shop import question, scripted_ranker

RANKER = scripted_ranker(600)
TEA = [f"tea-{number}" for number in range(20)]
PAINT = [f"paint-{number}" for number in range(20)]
HISTORIES = st.lists(st.integers(0, 599), min_size=1, max_size=9)
STAGES = st.sampled_from(["judged", "fused", "generator", "neighbours"])


@pytest.fixture(scope="module")
def recommender(tiny_bundle: Path) -> Recommender:
    return Recommender.open(tiny_bundle)


def explain(recommender: Recommender, *events: str | HistoryEvent, full: bool = False, **wishes) -> Explanation:
    history = [HistoryEvent(event) if isinstance(event, str) else event for event in events]
    return recommender.explain(RecommendationRequest(history, **wishes), full=full)


class TestValues:
    @settings(max_examples=40)
    @given(st.lists(HISTORIES, min_size=1, max_size=4), STAGES, st.booleans())
    def test_are_those_by_which_lists_are_ordered(self, histories, stage, keep_seen) -> None:
        asked = [question(rows, keep_seen=keep_seen, k=150) for rows in histories]
        (first, *_) = RANKER.rank(asked, stage)
        pool = RANKER.pool(asked[0], stage)
        rows = np.sort(pool.rows_P[:130])
        values = RANKER.values(asked, rows, stage)
        value_of = dict(zip(rows.tolist(), values[0].tolist(), strict=True))
        for row, value in zip(pool.rows_P[:130].tolist(), pool.values_P[:130].tolist(), strict=True):
            # the generator gives a place only to what it proposed itself
            assert value_of[row] == pytest.approx(value, abs=1e-4) or stage in ("generator", "neighbours")
        np.testing.assert_array_equal(pool.rows_P[: len(first.rows_K)], first.rows_K[: len(pool.rows_P)])

    def test_do_not_depend_on_what_else_is_asked(self) -> None:
        asked = [question([4, 8, 15])]
        rows = np.arange(0, 600, 7, dtype=np.int32)
        together = RANKER.values(asked, rows, "judged")[0]
        alone = [RANKER.values(asked, rows[place : place + 1], "judged")[0, 0] for place in range(len(rows))]
        np.testing.assert_allclose(together, alone, atol=1e-4)


class TestContributions:
    def test_of_older_events_where_the_item_itself_was_taken_so_long_ago(self) -> None:
        """The networks read the newest fifty; what was taken before counts for itself."""
        ranker = replace(RANKER, weights=FusionWeights(neighbours=2.0, taken=16.0))
        asked = question([8, 8, 7, 7, 7, *range(100, 160)], keep_seen=True)
        said = Explainer(ranker, "fused").contributions(asked, np.array([8, 300], np.int32))
        assert said.places_L.tolist() == [0, 1, *range(15, 65)]
        assert (said.contributions_LX[:2, 0] > 0).all()
        left_out = replace(asked, seen_left_out=True)
        assert Explainer(ranker, "fused").contributions(left_out, np.array([300], np.int32)).places_L.tolist() == [
            *range(15, 65)
        ]

    @settings(max_examples=25)
    @given(HISTORIES, STAGES)
    def test_are_what_the_score_loses_without_the_event(self, rows, stage) -> None:
        asked = question(rows, k=8)
        (ranked,) = RANKER.rank([asked], stage)
        said = Explainer(RANKER, stage).contributions(asked, ranked.rows_K)
        for place in said.places_L:
            if len(rows) == 1:
                np.testing.assert_array_equal(said.contributions_LX[0], said.scores_X)
                continue
            both = [asked, without(asked, [int(place)])]
            less = as_score(RANKER.values(both, ranked.rows_K, stage, on_first_scale=True)[1])
            np.testing.assert_allclose(said.contributions_LX[place], said.scores_X - less, atol=1e-4)

    def test_name_the_events_of_the_items_own_taste(self, recommender: Recommender) -> None:
        explanation = explain(recommender, "paint-1", "paint-2", "tea-1", "tea-2", k=6)
        for item in explanation.items:
            own = "tea" if item.item_id in TEA else "paint"
            assert item.reasons[0].item_id.startswith(own)
            assert len(item.reasons) == 4
            contributions = [reason.contribution for reason in item.reasons]
            assert contributions == sorted(contributions, reverse=True)
            assert item.nearest_bought is not None
            assert item.nearest_bought.startswith(own)
            assert set(item.sources) <= {"generator", "neighbours", "history", "popularity"}

    def test_positions_are_those_of_the_events_that_were_used(self, recommender: Recommender) -> None:
        history = [HistoryEvent("tea-2", timestamp_seconds=9.0), HistoryEvent("nothing", timestamp_seconds=3.0)]
        history += [HistoryEvent("tea-1", timestamp_seconds=1.0), HistoryEvent("tea-5", "dislike", 2.0)]
        (item, *_) = explain(recommender, *history).items
        assert {(reason.position, reason.item_id) for reason in item.reasons} == {(0, "tea-1"), (1, "tea-2")}

    def test_the_best_by_neighbours_alone_owes_its_place_to_events(self) -> None:
        asked = question([4, 8, 15, 16, 23, 42], k=3)
        (ranked,) = RANKER.rank([asked], "neighbours")
        explainer = Explainer(RANKER, "neighbours")
        said = explainer.contributions(asked, ranked.rows_K)
        # by its own best, which is itself, it would have the same score without any of them
        assert float(said.contributions_LX[:, 0].max()) > 0.005

    def test_events_beyond_what_the_networks_see_are_not_named(self, recommender: Recommender) -> None:
        (item, *_) = explain(recommender, *(TEA[:15] * 4)).items
        assert {reason.position for reason in item.reasons} == set(range(10, 60))

    def test_purchases_are_asked_before_views(self, recommender: Recommender) -> None:
        events = [HistoryEvent("tea-1", "purchase"), HistoryEvent("tea-2", "view"), HistoryEvent("tea-3", "view")]
        assert {item.nearest_bought for item in explain(recommender, *events).items} == {"tea-1"}

    def test_a_list_that_was_served_before_is_explained_as_it_was(self, recommender: Recommender) -> None:
        request = RecommendationRequest([HistoryEvent("tea-1"), HistoryEvent("tea-2")])
        explanation = recommender.explain(request, ["paint-3", "tea-4", "gone by now"])
        assert [item.item_id for item in explanation.items] == ["paint-3", "tea-4"]
        assert explanation.items[0].score < explanation.items[1].score

    def test_popular_items_have_no_reasons(self, recommender: Recommender) -> None:
        explanation = explain(recommender, full=True)
        assert explanation.first_place is None
        assert all(item.sources == ("popularity",) and not item.reasons for item in explanation.items)

    def test_a_dislike_lowers_the_score_that_is_explained(self, recommender: Recommender) -> None:
        plain = {item.item_id: item.score for item in explain(recommender, "tea-1", "tea-2").items}
        disliking = explain(recommender, "tea-1", "tea-2", HistoryEvent("tea-9", "dislike")).items
        assert all(item.score < plain.get(item.item_id, 1.0) for item in disliking)


class TestChangeOfFirstPlace:
    @settings(max_examples=30)
    @given(st.lists(st.integers(0, 599), min_size=2, max_size=12), STAGES)
    def test_without_those_events_another_is_first_and_none_of_them_is_too_many(self, rows, stage) -> None:
        asked = question(rows, k=5)
        (ranked,) = RANKER.rank([asked], stage)
        explainer = Explainer(RANKER, stage)
        said = explainer.contributions(asked, ranked.rows_K)
        changed = explainer.change_of_first_place(asked, ranked.rows_K, said)
        assert changed.num_tried == min(MAX_REMOVED, len(rows) - 1)
        if changed.would_be_first is None:
            assert changed.places == ()
            return

        def first_without(places) -> int:
            (answer,) = RANKER.rank([without(asked, places)], stage)
            return int(answer.rows_K[0])

        if len(changed.places) > 1:
            # no single event would have done
            assert {first_without([place]) for place in said.places_L} == {ranked.rows_K[0]}
        assert first_without(changed.places) == changed.would_be_first != ranked.rows_K[0]
        assert changed.would_be_first not in rows
        for place in changed.places if len(changed.places) > 1 else ():
            assert first_without([other for other in changed.places if other != place]) == ranked.rows_K[0]

    @settings(max_examples=15)
    @given(st.lists(st.integers(0, 599), min_size=2, max_size=6), STAGES)
    def test_of_few_events_no_smaller_set_would_do(self, rows, stage) -> None:
        asked = question(rows, k=5)
        (ranked,) = RANKER.rank([asked], stage)
        explainer = Explainer(RANKER, stage)
        changed = explainer.change_of_first_place(asked, ranked.rows_K, explainer.contributions(asked, ranked.rows_K))
        fewer = [
            places
            for size in range(1, len(changed.places) or len(rows))
            for places in combinations(range(len(rows)), size)
        ]
        for places in fewer:
            (answer,) = RANKER.rank([without(asked, places)], stage)
            assert answer.rows_K[0] == ranked.rows_K[0]

    def test_of_two_tastes_the_newest_event_decides(self, recommender: Recommender) -> None:
        explanation = explain(recommender, "paint-1", "tea-1", full=True)
        assert explanation.first_place is not None
        assert explanation.items[0].item_id in TEA
        assert list(explanation.first_place.positions) == [1]
        assert explanation.first_place.would_be_first in PAINT

    def test_says_when_nothing_was_found(self, recommender: Recommender) -> None:
        explanation = explain(recommender, "tea-1", full=True)
        assert explanation.first_place is not None
        assert (explanation.first_place.positions, explanation.first_place.would_be_first) == ([], None)
        assert explanation.first_place.events_tried == 0
