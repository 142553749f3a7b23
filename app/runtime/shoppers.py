"""What is stored about shoppers: read as a history, erased."""

import asyncio
from typing import Final

from app.runtime.served_lists import ServedLists
from app.runtime.workers import Deadline
from app.store.store import Store
from models.domain.errors import DeadlineExceeded
from models.domain.events import HISTORY_EVENT_TYPES, EventType, HistoryEvent

READ_TYPES: Final[tuple[EventType, ...]] = (*HISTORY_EVENT_TYPES, "dislike")
"""A posted history may hold dislikes too. Impressions were the shop's doing, and would crowd out the rest."""


class Shoppers:
    """Reads and erases."""

    def __init__(self, store: Store, served_lists: ServedLists) -> None:
        self._store = store
        self._served_lists = served_lists

    async def history(
        self, user_id: str | None, session_id: str | None, deadline: Deadline | None = None
    ) -> list[HistoryEvent]:
        """The newest stored events of the account, of the session, or of both, oldest first.

        Raises DeadlineExceeded, StoreUnavailable.
        """
        reading = self._store.events.history(user_id=user_id, session_id=session_id, event_types=READ_TYPES)
        if deadline is None:
            return await reading
        try:
            return await asyncio.wait_for(reading, deadline.remaining_seconds)
        except TimeoutError:
            raise DeadlineExceeded(deadline.timeout_ms) from None

    async def erase(self, user_id: str) -> None:
        """Takes away every trace of the account, and of the sessions that were merged into it or that it used.

        A list that is being made meanwhile is not stored either, see `app.store.recent_erasures`.
        """
        await self._served_lists.flush()  # what waits is found again under its id until it is written
        await self._store.events.erase(user_id)

    async def erase_session(self, session_id: str) -> None:
        """The same of a guest; what an account has of the session stays with the account."""
        await self._served_lists.flush()
        await self._store.events.erase_session(session_id)
