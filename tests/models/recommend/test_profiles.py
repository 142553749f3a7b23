import json
from dataclasses import replace

import numpy as np
import pytest

from models.bundle.read import open_bundle
from models.domain.events import HistoryEvent
from models.recommend.golden import made_up_histories
from models.recommend.profiles import PROFILES, measure_profiles
from models.recommend.recommender import Recommender


@pytest.fixture(scope="module")
def bundle(tiny_bundle):
    return open_bundle(tiny_bundle)


class TestMeasureProfiles:
    def test_a_bundle_tells_all_three(self, tiny_bundle, bundle):
        told = json.loads((tiny_bundle / "manifest.json").read_text())["metrics"]["profiles"]
        assert set(told) == set(PROFILES)
        for each in told.values():
            assert 0 < each["p50_microseconds"] <= each["p95_microseconds"]
        assert Recommender(bundle).profile_figures == told

    def test_recall_is_that_of_the_index_where_it_is_asked(self, bundle):
        told = measure_profiles(Recommender(bundle), bundle.popularity_N, 0.95, seed=0)
        assert {profile: each["recall"] for profile, each in told.items()} == {
            "fast": 0.95,
            "balanced": 0.95,
            "exact": 1.0,
        }


class TestFigures:
    def test_are_not_told_of_another_system_than_was_measured(self, bundle):
        assert bundle.manifest.serves != "popularity"
        assert Recommender(bundle, wish="popularity").profile_figures is None

    def test_are_not_told_where_another_index_answers(self, tiny_bundle):
        moved = Recommender.open(tiny_bundle, place_index=lambda bundle: bundle.index)
        assert (moved.index_figures, moved.profile_figures) == (None, None)

    def test_a_bundle_of_before_has_none(self, bundle):
        metrics = {name: value for name, value in bundle.manifest.metrics.items() if name != "profiles"}
        before = replace(bundle, manifest=bundle.manifest.model_copy(update={"metrics": metrics}))
        assert Recommender(before).profile_figures is None


class TestMadeUpHistories:
    def test_are_as_long_as_asked_or_as_there_are_items(self):
        histories = made_up_histories(["a", "b", "c"], np.array([5, 0, 1], np.float32), [0, 2, 7], seed=1)
        assert [len(history) for history in histories] == [0, 2, 3]

    def test_are_drawn_by_popularity_and_by_the_seed(self):
        ids, popularity_N = ["a", "b"], np.array([999, 0], np.float32)
        histories = made_up_histories(ids, popularity_N, [2] * 200, seed=1)
        share = sum(event == HistoryEvent("a") for history in histories for event in history) / 400
        assert share > 0.95
        assert made_up_histories(ids, popularity_N, [2] * 200, seed=1) == histories
