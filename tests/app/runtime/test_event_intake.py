import asyncio
import time
from datetime import timedelta

import pytest
from sqlalchemy import text

from app.observability.metrics import Metrics
from app.runtime.attribution import NO_LIST
from app.runtime.event_intake import EventIntake
from app.runtime.event_times import EventTimes
from app.runtime.served_lists import ServedLists
from app.store.event_rows import Event
from app.store.lists import ServedList
from app.store.outcomes import Arm, Outcome

pytestmark = pytest.mark.anyio

ARM = Arm(model_version="m1")


@pytest.fixture
async def lists(store):
    lists = ServedLists(store, kept=timedelta(hours=25))
    yield lists
    await lists.close()


@pytest.fixture
def metrics():
    return Metrics()


@pytest.fixture
def intake(store, lists, metrics):
    return EventIntake(store, lists, EventTimes(), metrics, window=timedelta(hours=24))


@pytest.fixture
def event(clock):
    def make(event_id, event_type="click", **fields):
        return Event(
            **{
                "event_id": event_id, "user_id": "u1", "item_id": "tea", "event_type": event_type,
                "timestamp": clock.now, "recommendation_id": "01J",
            } | fields
        )  # fmt: skip

    return make


@pytest.fixture
def served(lists, clock):
    lists.record(
        ServedList(
            recommendation_id="01J", request={}, items=[{"item_id": "tea"}], model_version="m1", index_version="i1",
            created_at=clock.now, expires_at=clock.now + timedelta(hours=25),
        )
    )  # fmt: skip


def told_of(metrics, name):
    """Values of a metric's labels → its value."""
    samples = [sample for family in metrics.registry.collect() for sample in family.samples if sample.name == name]
    return {tuple(sample.labels.values()): sample.value for sample in samples}


async def sums(store, clock):
    return {(one.arm, one.event_type): one for one in await store.outcomes.outcomes(clock.now.date())}


@pytest.mark.usefixtures("served")
class TestTake:
    async def test_counts_each_event_once_however_often_it_comes(self, store, intake, event, clock):
        bought = event("e3", "purchase", quantity=2, unit_price=1.5, currency="EUR")
        batch = [event("e1", "impression"), event("e2"), bought, event("e1", "impression")]
        assert (await intake.take(batch)).new == [True, True, True, False]
        assert (await intake.take(batch)).accepted == 0
        found = await sums(store, clock)
        assert {key[1]: one.events for key, one in found.items()} == {"impression": 1, "click": 1, "purchase": 1}
        assert found[ARM, "purchase"] == Outcome(
            day=clock.now.date(), arm=ARM, event_type="purchase", currency="EUR", events=1, quantity=2, revenue=3.0
        )

    async def test_a_list_that_is_written_counts_as_one_that_waits(self, store, lists, intake, event, clock):
        await lists.flush()
        await intake.take([event("e1")])
        assert (await sums(store, clock))[ARM, "click"].events == 1

    async def test_what_was_asked_is_not_read(self, store, lists, intake, event, clock):
        """It may hold five hundred events, of each of a thousand lists."""
        await lists.flush()
        unreadable = text("UPDATE served_lists SET request = 'no JSON'")
        await store.database.write(lambda transaction: transaction.execute(unreadable))
        await intake.take([event("e1")])
        assert (await sums(store, clock))[ARM, "click"].events == 1

    async def test_many_large_lists_leave_the_event_loop_free(self, store, intake, event, clock):
        items = [{"item_id": f"item-{number}", "score": 0.5, "sources": {"generator": 1.0}} for number in range(500)]
        request = {"history": [{"item_id": f"item-{number}", "event_type": "view"} for number in range(500)]}
        made = [
            ServedList(
                recommendation_id=f"{number}J", request=request, items=items, model_version="m1", index_version="i1",
                created_at=clock.now, expires_at=clock.now + timedelta(hours=25),
            )
            for number in range(200)
        ]  # fmt: skip
        await store.lists.add(made)
        named = [
            event(one.recommendation_id, recommendation_id=one.recommendation_id, item_id="item-1") for one in made
        ]
        taking = asyncio.create_task(intake.take(named))
        longest, before = 0.0, time.thread_time()
        while not taking.done():
            await asyncio.sleep(0)
            longest, before = max(longest, time.thread_time() - before), time.thread_time()
        assert (await taking).accepted == 200
        assert longest < 0.1  # seconds of this thread's own work; whole lists in one piece are half a second

    async def test_what_has_no_list_is_counted_apart(self, store, intake, event, clock):
        await intake.take([event("e1", recommendation_id="02J"), event("e2", item_id="mug"), event("e3")])
        found = await sums(store, clock)
        assert (found[NO_LIST, "click"].events, found[ARM, "click"].events) == (2, 1)

    async def test_events_that_name_no_list_are_no_outcomes(self, store, intake, event, clock):
        await intake.take([event("e1", recommendation_id=None)])
        assert await sums(store, clock) == {}

    async def test_an_event_of_the_window_counts_although_it_comes_late(self, store, lists, intake, event, clock):
        late = event("e1", timestamp=clock.now + timedelta(hours=23))
        clock.forward(hours=24, minutes=30)
        await intake.take([late])
        served_on = clock.now.date() - timedelta(days=1)
        assert [one.arm for one in await store.outcomes.outcomes(served_on)] == [ARM]

    async def test_one_that_comes_after_its_list_was_purged_is_unattributed(self, store, lists, intake, event, clock):
        await lists.flush()
        late = event("e1", timestamp=clock.now + timedelta(hours=23))
        clock.forward(hours=25)
        assert await store.lists.purge() == 1
        assert (await intake.take([late])).accepted == 1
        assert await sums(store, clock) == {
            (NO_LIST, "click"): Outcome(day=clock.now.date(), arm=NO_LIST, event_type="click")
        }

    async def test_a_purchase_after_the_window_is_unattributed_although_its_list_is_there(
        self, store, lists, intake, event, clock
    ):
        await lists.flush()
        clock.forward(hours=24, minutes=1)
        await intake.take([event("e1", "purchase", quantity=2, unit_price=9.0, currency="EUR")])
        assert await store.lists.get("01J") is not None
        (unattributed,) = await store.outcomes.outcomes(clock.now.date())
        assert (unattributed.arm, unattributed.events, unattributed.revenue) == (NO_LIST, 1, 0)

    async def test_two_currencies_are_two_sums(self, store, intake, event, clock):
        prices = [(2, 10.0, "EUR"), (1, 5.0, "EUR"), (1, 1200.0, "JPY"), (3, 0.5, None)]
        await intake.take(
            [
                event(f"e{place}", "purchase", quantity=quantity, unit_price=price, currency=currency)
                for place, (quantity, price, currency) in enumerate(prices)
            ]
        )
        found = await store.outcomes.outcomes(clock.now.date())
        assert {one.currency: (one.events, one.quantity, one.revenue) for one in found} == {
            "EUR": (2, 3, 25.0),
            "JPY": (1, 1, 1200.0),
            None: (1, 3, 1.5),
        }

    async def test_a_click_that_is_sent_twice_at_once_counts_once(self, store, intake, event, clock):
        taken = await asyncio.gather(*(intake.take([event("e1")]) for _ in range(8)))
        assert sum(one.accepted for one in taken) == 1
        assert (await sums(store, clock))[ARM, "click"].events == 1

    async def test_all_or_nothing(self, store, intake, event, clock, metrics):
        async def fail(transaction, added):
            assert added.accepted == 1
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await intake.take([event("e1")], fail)
        assert await store.events.count() == 0
        assert await sums(store, clock) == {}
        assert told_of(metrics, "figment_outcome_events_total") == {}

    async def test_metrics_count_what_is_new(self, intake, event, metrics):
        bought = event("e1", "purchase", quantity=2, unit_price=1.5, currency="EUR")
        for _ in range(2):
            await intake.take([bought, event("e2"), event("e3", recommendation_id="02J"), event("e4", item_id="mug")])
        assert told_of(metrics, "figment_outcome_events_total") == {("", "", "purchase"): 1, ("", "", "click"): 1}
        assert told_of(metrics, "figment_outcome_revenue_total") == {("", "", "EUR"): 3.0}
        assert told_of(metrics, "figment_unattributed_events_total") == {("click",): 2}
