import time
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.runtime.attribution import NO_LIST
from app.runtime.outcome_figures import DAYS, Outcomes, gini_of_times
from app.store.outcomes import Arm, Exposure, Outcome
from models.metrics.beyond_accuracy import exposure_gini

A = Arm(model_version="m1", experiment_id="e1", variant_id="a")
B = Arm(model_version="m1", experiment_id="e1", variant_id="b")
PLAIN = Arm(model_version="m1")
HOUR = timedelta(hours=1)


@pytest.mark.anyio
class TestFigures:
    @pytest.fixture
    async def filled(self, store, clock):
        today = clock.now.date()
        before = today - timedelta(days=DAYS)

        def outcome(arm, event_type, day=today, **sums):
            return Outcome(day=day, arm=arm, event_type=event_type, **sums)

        await store.outcomes.add(
            [
                outcome(A, "impression", events=8), outcome(A, "click", events=2, day=today - timedelta(days=3)),
                outcome(A, "purchase", currency="EUR", quantity=3, revenue=30.0),
                outcome(A, "purchase", currency="SEK", quantity=1, revenue=99.5),
                outcome(A, "purchase", quantity=1), outcome(A, "add_to_cart", quantity=5),
                outcome(B, "click", events=1), outcome(NO_LIST, "click", events=4),
                outcome(A, "click", events=100, day=before),
            ]
        )  # fmt: skip
        await store.outcomes.add_exposures(
            [
                Exposure(day=today, arm=A, lists=2, times_shown={"tea": 2, "mug": 2}),
                Exposure(day=today - timedelta(days=1), arm=A, lists=1, times_shown={"tea": 1}),
                Exposure(day=today, arm=PLAIN, lists=1, times_shown={"pot": 1, "tea": 1}),
                Exposure(day=before, arm=A, lists=9, times_shown={"cup": 9}),
            ]
        )
        return Outcomes(store, window=24 * HOUR)

    async def test_are_sums_by_arm(self, filled, clock):
        figures = await filled.figures(10)
        assert figures.since == clock.now.date() - timedelta(days=DAYS - 1)
        assert [one.arm for one in figures.arms] == [PLAIN, A, B]
        plain, a, b = figures.arms
        assert a.events == {"add_to_cart": 1, "click": 2, "impression": 8, "purchase": 3}
        assert (a.click_through, a.purchases, a.units) == (0.25, 3, 5)
        assert a.revenue == {"EUR": 30.0, "SEK": 99.5}
        assert (a.lists, a.items_listed, a.coverage) == (3, 5, 0.2)
        assert (b.lists, b.click_through, b.coverage, b.exposure_gini) == (0, None, 0, 0)
        assert (plain.lists, plain.events, plain.revenue) == (1, {}, {})

    async def test_of_all_together(self, filled):
        figures = await filled.figures(10)
        assert figures.unattributed == {"click": 4}
        assert figures.coverage == 0.3
        rows = np.array([[0, 1], [0, 1], [0, 2], [0, -1]], np.int32)  # tea, mug, pot
        assert figures.exposure_gini == pytest.approx(exposure_gini(rows, 10))

    async def test_what_came_of_lists_is_as_of_now(self, filled, store, clock):
        before = (await filled.figures(10)).unattributed
        await store.outcomes.add([Outcome(day=clock.now.date(), arm=NO_LIST, event_type="click")])
        assert (await filled.figures(10)).unattributed == {"click": before["click"] + 1}

    async def test_what_was_shown_is_not_read_again_because_the_catalogue_grows(self, filled, store, clock):
        before = await filled.figures(10)
        filled._fresh_until = time.monotonic() + 60
        await store.outcomes.add_exposures([Exposure(day=clock.now.date(), arm=A, lists=1, times_shown={"jug": 1})])
        grown = await filled.figures(20)
        assert [one.lists for one in grown.arms] == [one.lists for one in before.arms]
        assert (before.coverage, grown.coverage) == (0.3, 0.15)

    async def test_of_nothing_are_nothing(self, store):
        figures = await Outcomes(store, window=HOUR).figures(0)
        assert (list(figures.arms), figures.unattributed, figures.coverage, figures.exposure_gini) == ([], {}, 0, 0)


class TestGini:
    @given(st.lists(st.integers(0, 20), min_size=1, max_size=60))
    def test_is_what_evaluation_computes(self, times):
        rows = np.repeat(np.arange(len(times)), times).astype(np.int32)[None]
        items_by_times = {count: times.count(count) for count in set(times) - {0}}
        assert gini_of_times(items_by_times, len(times)) == pytest.approx(exposure_gini(rows, len(times)))

    def test_items_that_are_gone_count(self):
        assert gini_of_times({1: 3}, 2) == gini_of_times({1: 3}, 3) == 0
