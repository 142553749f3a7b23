"""Takes events in: stores them, and in the same transaction adds up what came of the lists that led to them."""

from collections.abc import Awaitable, Callable, Sequence

from app.runtime.event_times import EventTimes
from app.store.engine import Transaction
from app.store.event_rows import Event
from app.store.events import EventsAdded
from app.store.store import Store

Finish = Callable[[Transaction, EventsAdded], Awaitable[None]]
"""What else belongs to the transaction; an error undoes all of it."""


class EventIntake:
    """Takes events in."""

    def __init__(self, store: Store, times: EventTimes) -> None:
        self._store = store
        self._times = times

    def refusal(self) -> Callable[[Event], str | None]:
        """Tells of each event why it is not taken, as of now; None where it is."""
        now = self._store.clock()
        return lambda event: self._times.refusal(event.timestamp, now)

    async def take(self, events: Sequence[Event], finish: Finish | None = None) -> EventsAdded:
        """Which of them are new; durable when it returns."""

        async def work(transaction: Transaction) -> EventsAdded:
            added = await self._store.events.add(events, within=transaction)
            if finish is not None:
                await finish(transaction, added)
            return added

        return await self._store.database.write(work)
