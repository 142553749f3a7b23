"""Takes events in: stores them, and in the same transaction adds up what came of the lists that led to them."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from app.observability.metrics import Metrics
from app.runtime.attribution import count, outcomes_of
from app.runtime.event_times import EventTimes
from app.runtime.served_lists import ServedLists
from app.store.engine import Transaction
from app.store.event_rows import Event
from app.store.events import EventsAdded
from app.store.outcomes import Outcome
from app.store.store import Store

Finish = Callable[[Transaction, EventsAdded], Awaitable[None]]
"""What else belongs to the transaction; an error undoes all of it."""


class EventIntake:
    """Takes events in."""

    def __init__(
        self, store: Store, served_lists: ServedLists, times: EventTimes, metrics: Metrics, *, window: timedelta
    ) -> None:
        """`window`: how long after a list was served an event is put down to it."""
        self._store = store
        self._served_lists = served_lists
        self._times = times
        self._metrics = metrics
        self._window = window

    def refusal(self) -> Callable[[Event], str | None]:
        """Tells of each event why it is not taken, as of now; None where it is."""
        now = self._store.clock()
        return lambda event: self._times.refusal(event.timestamp, now)

    async def take(self, events: Sequence[Event], finish: Finish | None = None) -> EventsAdded:
        """Which of them are new; durable when it returns."""
        named: defaultdict[str, set[str]] = defaultdict(set)
        for event in events:
            if event.recommendation_id is not None:
                named[event.recommendation_id].add(event.item_id)
        lists = await self._served_lists.listed(named) if named else {}
        now = self._store.clock()

        async def work(transaction: Transaction) -> tuple[EventsAdded, list[Outcome]]:
            added = await self._store.events.add(events, within=transaction)
            new = [event for event, is_new in zip(events, added.new, strict=True) if is_new]
            outcomes = list(outcomes_of(new, lists, window=self._window, now=now))
            if outcomes:
                await self._store.outcomes.add(outcomes, within=transaction)
            if finish is not None:
                await finish(transaction, added)
            return added, outcomes

        added, outcomes = await self._store.database.write(work)
        count(outcomes, self._metrics)
        return added
