import numpy as np
import pytest

from models.fraud.attacks import profiles_of
from models.fraud.steps import COMPARISONS, VOICES, StepScorer, newest, ranked_sales
from models.recommend.recommender import Recommender


@pytest.fixture(scope="module")
def recommender(tiny_bundle) -> Recommender:
    return Recommender.open(tiny_bundle)


@pytest.fixture(scope="module")
def scorer(recommender) -> StepScorer:
    ranker = recommender.ranker
    text_NE = recommender.items.text_NE
    return StepScorer.over(ranker.source, ranker.spec, ranker.facts.events_N, ranker.noise_size, text_NE)


@pytest.fixture(scope="module")
def strayed(recommender):
    """Tea lovers who took one pot of paint, the fourth of six things."""
    tea = np.array([row for item_id, row in recommender.row_of.items() if item_id.startswith("tea")], np.int32)
    paint = [row for item_id, row in recommender.row_of.items() if item_id.startswith("paint")]
    rng = np.random.default_rng(0)
    return profiles_of([np.insert(rng.choice(tea, 5, replace=False), 3, rng.choice(paint)) for _ in range(20)])


class TestPercentiles:
    def test_what_no_such_shopper_takes_is_the_least_plausible(self, scorer, strayed):
        percentiles = scorer.percentiles(strayed)
        assert percentiles.shape == (120, len(VOICES), len(COMPARISONS))
        for voice in range(len(VOICES)):
            of_step = percentiles[:, voice, 0].reshape(20, 6)
            assert (of_step.argmin(axis=1) == 3).mean() > 0.8, VOICES[voice]

    def test_are_the_same_alone_and_in_company(self, scorer, strayed):
        together = scorer.percentiles(strayed)[12:18]
        alone = scorer.percentiles(strayed.take_users(np.array([2])))
        assert alone == pytest.approx(together, abs=0.02)

    def test_lie_between_nothing_and_everything(self, scorer, strayed):
        percentiles = scorer.percentiles(strayed)
        assert percentiles.min() > 0
        assert percentiles.max() < 1

    def test_only_the_newest_are_kept(self):
        kept = newest(profiles_of([np.arange(5), np.arange(2)]), 3)
        assert kept.item_rows_E.tolist() == [2, 3, 4, 0, 1]
        assert kept.lengths_U.tolist() == [3, 2]


class TestRankedSales:
    EVENTS = np.array([0, 3, 3, 40, 7], np.float32)

    def ranked(self, events_N):
        return ranked_sales(events_N, np.sort(events_N))

    def test_does_not_depend_on_how_many_shoppers_were_counted(self):
        assert self.ranked(2 * self.EVENTS) == pytest.approx(self.ranked(self.EVENTS))

    def test_what_sells_better_has_more_and_equals_have_the_same(self):
        none, three, also_three, most, seven = self.ranked(self.EVENTS)
        assert none < three == also_three < seven < most

    def test_knows_a_place_for_what_is_not_among_those_compared_with(self):
        assert np.isfinite(ranked_sales(np.array([0, 1e6], np.float32), np.sort(self.EVENTS))).all()
