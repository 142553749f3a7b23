import asyncio
from datetime import date, timedelta

import pytest

from app.store.outcomes import Arm, ArmExposure, Exposure, Outcome, OutcomeStore

pytestmark = pytest.mark.anyio

DAY = date(2026, 11, 24)
PLAIN = Arm(model_version="m1")
VARIANT = Arm(model_version="m1", experiment_id="e1", variant_id="b")


@pytest.fixture
def outcomes(database):
    return OutcomeStore(database)


def sold(**fields):
    return Outcome(**{"day": DAY, "arm": PLAIN, "event_type": "purchase", "currency": "EUR", "revenue": 2.5} | fields)


class TestAdd:
    async def test_adds_up_what_belongs_together(self, outcomes):
        await outcomes.add(
            [sold(quantity=2.0), sold(quantity=1.0), sold(event_type="click", currency=None, revenue=0.0)]
        )
        await outcomes.add([sold(events=3, revenue=10.0)])
        assert await outcomes.outcomes(DAY) == [
            sold(event_type="click", currency=None, revenue=0.0),
            sold(events=5, quantity=3.0, revenue=15.0),
        ]

    @pytest.mark.parametrize(
        "other",
        [
            {"day": DAY + timedelta(days=1)},
            {"arm": VARIANT},
            {"arm": Arm(model_version="m2")},
            {"event_type": "click"},
            {"currency": "JPY"},
            {"currency": None},
        ],
    )
    async def test_keeps_apart_what_differs(self, outcomes, other):
        await outcomes.add([sold(), sold(**other)])
        assert len(await outcomes.outcomes(DAY)) == 2

    async def test_many_at_once_lose_nothing(self, outcomes):
        """In opposite orders: deadlocks, were keys not sorted."""
        arms = [Arm(model_version=f"m{number}") for number in range(8)]
        await asyncio.gather(
            *(outcomes.add([sold(arm=arm) for arm in (arms if turn % 2 else arms[::-1])]) for turn in range(20))
        )
        assert [(found.events, found.revenue) for found in await outcomes.outcomes(DAY)] == [(20, 50.0)] * 8

    async def test_days_before_are_left_out(self, outcomes):
        await outcomes.add([sold(), sold(day=DAY - timedelta(days=1))])
        assert [found.day for found in await outcomes.outcomes(DAY)] == [DAY]
        await outcomes.add([])


class TestExposures:
    async def test_lists_places_and_distinct_items_of_each_arm(self, outcomes):
        yesterday = DAY - timedelta(days=1)
        await outcomes.add_exposures(
            [
                Exposure(day=yesterday, arm=PLAIN, lists=1, times_shown={"tea": 1}),
                Exposure(day=DAY, arm=PLAIN, lists=2, times_shown={"tea": 2, "mug": 1}),
                Exposure(day=DAY, arm=VARIANT, lists=1, times_shown={"pot": 1}),
            ]
        )
        await outcomes.add_exposures([Exposure(day=DAY, arm=PLAIN, lists=1, times_shown={"tea": 1, "pot": 1})])
        assert await outcomes.exposures(yesterday) == [
            ArmExposure(arm=PLAIN, lists=4, items_shown=6),
            ArmExposure(arm=VARIANT, lists=1, items_shown=1),
        ]
        assert await outcomes.items_by_times_shown(DAY) == {
            None: {3: 1, 2: 1, 1: 1},  # tea, pot, mug
            PLAIN: {3: 1, 1: 2},
            VARIANT: {1: 1},
        }

    async def test_forgotten_items_leave_the_sums(self, outcomes):
        await outcomes.add_exposures([Exposure(day=DAY, arm=PLAIN, lists=2, times_shown={"tea": 2})])
        await outcomes.purge_items(DAY + timedelta(days=1))
        assert await outcomes.items_by_times_shown(DAY) == {None: {}}
        (left,) = await outcomes.exposures(DAY)
        assert (left.lists, left.items_shown) == (2, 2)
