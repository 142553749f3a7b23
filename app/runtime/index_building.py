"""Which items are built next: small changes first, of a large import only by whoever holds its job."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, Final

from app.observability.logs import get_log
from app.observability.metrics import SwapResult
from app.runtime.catalogue_view import CatalogueView
from app.runtime.going_on import going_on
from app.runtime.import_jobs import ImportJobs, ImportRange
from app.runtime.index_builder import Built
from app.runtime.jobs import TellProgress
from app.runtime.live_catalogue import LiveCatalogue
from app.store.item_rows import Item
from app.store.jobs import Job
from models.domain.errors import FigmentError, ServiceError, StoreError, ViewRefused

PIECE: Final = 250
"""Items that are built at once: a second or two for their features and links, in which nothing more urgent begins."""
IMPORT_PIECE: Final = 1_000
"""The same of an import, whose slow parts are another process's."""
LOOK_SECONDS: Final = 0.5
"""So often the store is asked for what another process makes."""
FIRST_BACKOFF_SECONDS: Final = 1.0
"""After an item failed alone; doubled each time."""
MAX_BACKOFF_SECONDS: Final = 60.0
TRIES: Final = 3
"""Of one item alone, before it is set aside until it changes."""
ITEMS_IN_A_ROW: Final = 10
"""That many fail alone, one after the other: then it is not the items but the index, and an import's job fails."""

log = get_log(__name__)


class IndexBuilding:
    """Builds as long as something waits. A view that fails its checks never answers: it is told, and tried again."""

    def __init__(self, catalogue: LiveCatalogue, imports: ImportJobs) -> None:
        self._catalogue = catalogue
        self._imports = imports
        self._ranges: Sequence[ImportRange] = ()
        self._most = IMPORT_PIECE
        self._failure = ""
        self._failures_of: Counter[tuple[str, int]] = Counter()
        """Of items alone."""
        self._failed_in_a_row = 0
        """Items that failed alone for the first time since the index was swapped."""
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """From now on."""
        self._task = asyncio.create_task(self._build_forever())

    async def close(self) -> None:
        """No more."""
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def see_import(self, job: Job, tell: TellProgress) -> dict[str, Any]:
        """Handles an import's job: this process may embed its items, and the job is done when its index has them all.

        An item that cannot be built is set aside, and its result says how many were.
        Raises ServiceError where the index cannot be built.
        """
        import_, started = ImportRange.of(job), time.monotonic()
        embedded_before = self._catalogue.builder.embeddings.num_made
        self._imports.held.add(job.job_id)
        self._failed_in_a_row = 0
        try:
            while (left := self._left_of(import_)) > 0:
                num_embedded = self._catalogue.builder.embeddings.num_made - embedded_before
                tell(_progress(max(import_.num_items, left), left, num_embedded))
                if self._is_broken:
                    raise ServiceError(f"the index cannot be built: {self._failure}")
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            self._imports.held.discard(job.job_id)
        return {
            "items": import_.num_items,
            "set_aside": self._set_aside_of(import_),
            "seconds": round(time.monotonic() - started, 1),
            "index_version": self._catalogue.view.model.index_version,
        }

    @property
    def _is_broken(self) -> bool:
        return self._failed_in_a_row >= ITEMS_IN_A_ROW

    def _left_of(self, import_: ImportRange) -> int:
        view = self._catalogue.view
        if view.revision < import_.last:
            return import_.num_items
        return sum(import_.covers(item.content_revision) for item in self._to_do(view.waiting.values()))

    def _set_aside_of(self, import_: ImportRange) -> int:
        waiting = [item for item in self._catalogue.view.waiting.values() if import_.covers(item.content_revision)]
        return len(waiting) - len(self._to_do(waiting))

    def _to_do(self, items: Iterable[Item]) -> list[Item]:
        if not self._failures_of:  # thousands may wait, and this is the event loop
            return list(items)
        return [item for item in items if self._failures_of[_key(item)] < TRIES]

    async def _build_forever(self) -> None:
        while True:
            if not self._catalogue.has_work.is_set():
                with going_on("building cannot rest"):
                    await self._catalogue.builder.rest()
            await self._catalogue.has_work.wait()
            with going_on("nothing can be built"):
                if await self._build_next():
                    continue
            await asyncio.sleep(LOOK_SECONDS)

    async def _build_next(self) -> bool:
        """Whether something was built; else everything that waits is another process's to embed."""
        self._ranges = await self._imports.unfinished()
        base = await self._catalogue.begin_build()
        piece = await self._choose(base)
        if not piece:
            return False
        is_urgent = not self._is_imported(piece[0])
        try:
            built: Built | None
            if is_urgent:
                built = await self._catalogue.builder.build(base, piece)
            else:
                built = await self._catalogue.builder.build_behind(self._nothing_is_urgent, base, piece)
            is_done = built is not None and await self._catalogue.end_build(built, base)
        except StoreError:
            raise  # no fault of the items
        except Exception as error:  # an entry point: a view that cannot be built must not end the building for good
            await self._failed(piece, error)
            return True
        if is_done:
            self._tell_built(piece)
        return True

    async def _choose(self, base: CatalogueView) -> list[Item]:
        """The oldest content first; what failed alone is tried again alone, after everything else."""
        waiting = self._to_do(base.waiting.values())
        others = [item for item in waiting if not self._failures_of[_key(item)]]
        return await self._choose_from(base, others, self._most) or await self._choose_from(
            base, [item for item in waiting if self._failures_of[_key(item)]], 1
        )

    async def _choose_from(self, base: CatalogueView, waiting: Sequence[Item], most: int) -> list[Item]:
        urgent = [item for item in waiting if not self._is_imported(item)]
        if urgent:
            return urgent[: min(most, PIECE)]
        ours = [item for item in waiting if self._is_imported(item, held=True)]
        if ours:
            return ours[:most]
        others = list(waiting[:most])
        return others if others and await self._catalogue.builder.knows(base, others) else []

    def _is_imported(self, item: Item, *, held: bool = False) -> bool:
        """Whether a job that is not done covers it; `held`: by this process."""
        return any(
            one.covers(item.content_revision) for one in self._ranges if not held or one.job_id in self._imports.held
        )

    def _nothing_is_urgent(self) -> bool:
        """Whether all new content since the build began is of imports. Asked often, so it looks at no more."""
        came, waiting = self._catalogue.came_meanwhile(), self._catalogue.view.waiting
        return all(self._is_imported(item) for item in came if item.item_id in waiting)

    def _tell_built(self, piece: Sequence[Item]) -> None:
        self._failure, self._failed_in_a_row, self._most = "", 0, IMPORT_PIECE
        self._catalogue.live.metrics.index_swapped("swapped")
        view = self._catalogue.view
        log.info("index swapped", items=len(piece), waiting=len(view.waiting), index_version=view.model.index_version)

    async def _failed(self, piece: Sequence[Item], error: Exception) -> None:
        self._failure = str(error) if isinstance(error, FigmentError) else type(error).__name__
        result: SwapResult = "refused" if isinstance(error, ViewRefused) else "failed"
        self._catalogue.live.metrics.index_swapped(result)
        unforeseen = None if isinstance(error, FigmentError) else error
        log.error("index not swapped", items=len(piece), reason=self._failure, exc_info=unforeseen)
        self._most = max(1, len(piece) // 2)  # one item that cannot be built must not keep the others back
        await asyncio.sleep(self._failed_alone(piece[0]) if len(piece) == 1 else LOOK_SECONDS)

    def _failed_alone(self, item: Item) -> float:
        """Seconds to wait before the next try."""
        key = _key(item)
        self._failures_of[key] += 1
        if self._failures_of[key] == 1:
            self._failed_in_a_row += 1
        if self._failures_of[key] >= TRIES:
            log.error("an item is set aside until its content changes")
        return MAX_BACKOFF_SECONDS if self._is_broken else FIRST_BACKOFF_SECONDS * 2.0 ** (self._failures_of[key] - 1)


def _progress(num_items: int, left: int, num_embedded: int) -> float:
    """An item is half done when its text is embedded, and done when answers have it."""
    num_done = num_items - left
    return (num_done + min(max(num_done, num_embedded), num_items)) / (2 * num_items)


def _key(item: Item) -> tuple[str, int]:
    return item.item_id, item.content_revision
