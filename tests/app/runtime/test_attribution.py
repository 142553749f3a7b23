from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.runtime.attribution import NO_LIST, outcomes_of
from app.store.event_rows import Event
from app.store.lists import ListedItems
from app.store.outcomes import Arm, Outcome

SERVED_AT = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)
NOW = SERVED_AT + timedelta(hours=3)
WINDOW = timedelta(hours=2)
ARM = Arm(model_version="m1", experiment_id="e1", variant_id="a")
LIST = ListedItems(arm=ARM, created_at=SERVED_AT, item_ids=frozenset({"tea", "mug"}))


def event(event_type="click", **fields):
    return Event(
        **{
            "item_id": "tea", "event_type": event_type, "timestamp": SERVED_AT + timedelta(minutes=5), "user_id": "u1",
            "recommendation_id": "01J",
        } | fields
    )  # fmt: skip


def outcomes(*events):
    return list(outcomes_of(events, {"01J": LIST}, window=WINDOW, now=NOW))


def is_attributed(one):
    (outcome,) = outcomes(one)
    return outcome.arm == ARM


class TestOutcomesOf:
    def test_an_event_is_put_down_to_the_list_on_the_list_s_day(self):
        after_midnight = SERVED_AT + timedelta(hours=1)
        assert outcomes(event("click", timestamp=after_midnight)) == [
            Outcome(day=SERVED_AT.date(), arm=ARM, event_type="click", quantity=1.0)
        ]

    def test_one_that_names_no_list_is_no_outcome(self):
        assert outcomes(event(recommendation_id=None)) == []

    @pytest.mark.parametrize("fields", [{"recommendation_id": "02J"}, {"item_id": "pot"}])
    def test_another_list_or_item_is_unattributed_today(self, fields):
        assert outcomes(event(**fields)) == [Outcome(day=NOW.date(), arm=NO_LIST, event_type="click")]

    @pytest.mark.parametrize(
        ("after", "is_within"),
        [
            (timedelta(0), True),
            (WINDOW, True),
            (WINDOW + timedelta(microseconds=1), False),
            (-timedelta(minutes=5), True),
            (-timedelta(minutes=5, microseconds=1), False),
        ],
    )
    def test_the_window_begins_with_the_list(self, after, is_within):
        assert is_attributed(event(timestamp=SERVED_AT + after)) == is_within

    def test_a_list_that_was_not_personalised_counts_too(self):
        bare = replace(LIST, arm=Arm(model_version="m1"))
        (outcome,) = outcomes_of([event()], {"01J": bare}, window=WINDOW, now=NOW)
        assert outcome.arm == Arm(model_version="m1")

    def test_revenue_is_quantity_times_price_of_purchases(self):
        sold, given, put_back = outcomes(
            event("purchase", quantity=3, unit_price=2.5, currency="EUR"),
            event("purchase", item_id="mug"),
            event("add_to_cart", quantity=2, unit_price=9.0, currency="EUR"),
        )
        assert (sold.currency, sold.quantity, sold.revenue) == ("EUR", 3, 7.5)
        assert (given.currency, given.quantity, given.revenue) == (None, 1, 0)
        assert (put_back.currency, put_back.quantity, put_back.revenue) == (None, 2, 0)

    def test_a_price_without_quantity_is_that_of_one(self):
        (outcome,) = outcomes(event("purchase", unit_price=9.99))
        assert (outcome.currency, outcome.quantity, outcome.revenue) == (None, 1, 9.99)
