"""Which events are put down to a served list, and what that adds up to."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from app.observability.metrics import Metrics
from app.observability.variants import Variant
from app.runtime.event_times import MOST_AHEAD
from app.store.event_rows import Event
from app.store.lists import ListedItems
from app.store.outcomes import Arm, Outcome

NO_LIST: Final = Arm(model_version="")
"""Of events that name a list which they cannot be put down to."""


def outcomes_of(
    events: Sequence[Event], lists: Mapping[str, ListedItems], *, window: timedelta, now: datetime
) -> Iterator[Outcome]:
    """What to add to the sums for these new events; nothing for one that names no list.

    An event is put down to the list that it names if its item stands in it and it happened within the window, on the
    day of the list: so what a day's lists led to is divided by that day's lists, however late it came.
    """
    for event in events:
        if event.recommendation_id is None:
            continue
        listed = lists.get(event.recommendation_id)
        if listed is not None and event.item_id in listed.item_ids and _is_within(event, listed, window):
            yield _outcome(event, listed)
        else:
            yield Outcome(day=now.date(), arm=NO_LIST, event_type=event.event_type)


def variant_label(arm: Arm) -> Variant:
    """What metrics call the arm; the model's version has a metric of its own."""
    return arm.experiment_id or "", arm.variant_id or ""


def count(outcomes: Iterable[Outcome], metrics: Metrics) -> None:
    """Tells metrics of what was added to the sums; when it is stored, so that each counts once."""
    for one in outcomes:
        if one.arm == NO_LIST:
            metrics.outcome_unattributed(one.event_type, one.events)
        else:
            metrics.outcome_counted(
                one.event_type,
                variant_label(one.arm),
                events=one.events,
                revenue=one.revenue,
                currency=one.currency,
            )


def _is_within(event: Event, listed: ListedItems, window: timedelta) -> bool:
    # a shop's clock may be behind ours, so that a click seems to come before its list
    return -MOST_AHEAD <= event.timestamp - listed.created_at <= window


def _outcome(event: Event, listed: ListedItems) -> Outcome:
    quantity = 1.0 if event.quantity is None else float(event.quantity)
    earned = event.event_type == "purchase" and event.unit_price is not None
    return Outcome(
        day=listed.created_at.date(),
        arm=listed.arm,
        event_type=event.event_type,
        currency=event.currency if earned else None,
        quantity=quantity,
        revenue=quantity * float(event.unit_price or 0) if earned else 0.0,
    )
