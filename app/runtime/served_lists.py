"""Lists that were served: written down beside the answers, and found again."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Final

from app.observability.logs import get_log
from app.store.lists import ServedList
from app.store.store import Store
from models.domain.errors import StoreError

MOST_WAITING: Final = 10_000
"""More come faster than they can be written, or the database is away."""

log = get_log(__name__)


class ServedLists:
    """Takes lists at once, writes them soon."""

    def __init__(self, store: Store, *, kept: timedelta) -> None:
        """`kept`: how long a list can be found again."""
        self.kept = kept
        self._store = store
        self._waiting: dict[str, ServedList] = {}
        self._writing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    def record(self, served: ServedList, num_shown: int | None = None) -> None:  # noqa: ARG002
        """Keeps the list, of which the first `num_shown` items were answered (all: None). Takes no time to speak of."""
        if len(self._waiting) >= MOST_WAITING:
            return
        self._waiting[served.recommendation_id] = served
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write())

    async def get(self, recommendation_id: str) -> ServedList | None:
        """The list, or None where it never was, has expired or was erased."""
        return self._waiting.get(recommendation_id) or await self._store.lists.get(recommendation_id)

    async def flush(self) -> None:
        """Returns when all that was recorded before is written. Raises StoreError."""
        async with self._writing:
            batch = list(self._waiting.values())
            await self._store.lists.add(batch)
            for served in batch:
                del self._waiting[served.recommendation_id]

    async def close(self) -> None:
        """Writes what waits."""
        with suppress(StoreError):
            await self.flush()

    async def _write(self) -> None:
        try:
            await self.flush()
        except StoreError as error:
            log.warning("served lists are not written yet", lists=len(self._waiting), reason=str(error))
