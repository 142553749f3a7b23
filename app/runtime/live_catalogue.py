"""The catalogue that answers follows the one that is stored, whichever process writes it."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from app.observability.logs import get_log
from app.runtime.bundle_rows import document_rows, source_of
from app.runtime.catalogue_view import CatalogueView
from app.runtime.going_on import going_on
from app.runtime.index_builder import Built, IndexBuilder
from app.runtime.live_model import LiveModel, Loaded, popular_items, probe_wishes
from app.store.item_rows import Item
from app.store.store import Store
from models.domain.errors import NotReady
from models.recommend.recommender import Recommender

POLL_SECONDS: Final = 0.25
PAGE: Final = 500
"""Items that are read at once: the event loop does nothing else for 5 ms."""
PAGES_A_ROUND: Final = 10
CATCH_UP_SECONDS: Final = 5.0

Result = TypeVar("Result")

log = get_log(__name__)


@dataclass(slots=True)
class _Base:
    """What a build stands on, and what came since it began."""

    view: CatalogueView
    since: dict[str, Item]


class LiveCatalogue:
    """Hands views to the live model. One at a time changes what answers; requests never wait for that."""

    def __init__(
        self,
        live: LiveModel,
        store: Store,
        open_model: Callable[[Path], Recommender],
        *,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self.live = live
        self.builder = IndexBuilder(store.embeddings)
        self.has_work = asyncio.Event()
        """Something waits to be built."""
        self._store = store
        self._open_model = open_model
        self._poll_seconds = poll_seconds
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="catalogue")
        self._changing = asyncio.Lock()
        self._view: CatalogueView | None = None
        self._base: _Base | None = None
        self._waiters: list[asyncio.Future[bool]] = []
        self._wake = asyncio.Event()
        self._following: asyncio.Task[None] | None = None

    @property
    def view(self) -> CatalogueView:
        """What answers now. Raises NotReady while it loads."""
        if self._view is None:
            raise NotReady("the model is still loading")
        return self._view

    async def open(self, folder: Path, *, lay: bool) -> Built:
        """A bundle with everything that the shop wrote and whose features are known, ready to answer.

        `lay`: lay its catalogue under the shop's writes first. Raises BundleError, StoreError.
        """
        model = await asyncio.to_thread(self._open_model, folder)
        view = CatalogueView.of(model, source_of(model.manifest))
        if lay:
            await self.lay(view)
        built = await self._with_all_that_is_known(view)
        await self._run(lambda: probe_wishes(built.view.model, built.popular_item_ids, self.live.metrics))
        return built

    async def lay(self, view: CatalogueView) -> None:
        """Its bundle's catalogue under the shop's own writes; nothing to do where that was done.

        The one that began last is laid: this one stops where another bundle's begins.
        """
        laid = await self._store.items.seed(view.source, document_rows(view.model.items.origin.bundle.catalogue))
        if laid.added or laid.changed or laid.removed:
            log.info("catalogue laid", added=laid.added, changed=laid.changed, removed=laid.removed)
        if laid.is_overtaken:
            log.warning("another bundle's catalogue is laid instead", source=view.source)

    async def serve(self, built: Built) -> None:
        """From now on this bundle answers, with what was written meanwhile; what was built on another is dropped."""
        async with self._changing:
            view = built.view
            if self._view is not None:
                view = await self._caught_up(view)
            is_another = self._view is not None and self._view.source != view.source
            self._base = None
            self._publish(view, built.popular_item_ids)
        self.live.metrics.probe_recall_measured(built.recall)
        if is_another:
            self.live.metrics.index_replaced()
        if self._following is None:
            self._following = asyncio.create_task(self._follow_forever())

    async def caught_up(self) -> bool:
        """Returns when prices, stock, attributes and deletions that were committed before the call are in what answers.

        False where that took too long or the database is away; they will be, as soon as it is back.
        """
        asked: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiters.append(asked)
        self._wake.set()
        await asyncio.wait({asked}, timeout=CATCH_UP_SECONDS)
        return asked.done() and asked.result()

    async def begin_build(self) -> CatalogueView:
        """The view to build on; what comes from now on is kept for `end_build`."""
        async with self._changing:
            self._base = _Base(self.view, {})
            return self._base.view

    def came_meanwhile(self) -> Collection[Item]:
        """Changed since `begin_build`, as they are now."""
        return self._base.since.values() if self._base else ()

    async def end_build(self, built: Built, base: CatalogueView) -> bool:
        """What was built answers, with all that came since; false where another bundle answers meanwhile."""
        async with self._changing:
            if self._base is None or self._base.view is not base:
                return False
            since, revision = list(self._base.since.values()), self.view.revision
            self._base = None
            view = await self._run(lambda: built.view.after(since, revision))
            self._publish(view, built.popular_item_ids)
        self.live.metrics.probe_recall_measured(built.recall)
        return True

    async def close(self) -> None:
        """Follows no more."""
        if self._following:
            self._following.cancel()
            with suppress(asyncio.CancelledError):
                await self._following
        await self.builder.close()
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _with_all_that_is_known(self, view: CatalogueView) -> Built:
        revision = await self._store.items.revision()
        written: list[Item] = []
        complete, since = False, 0
        while not complete:
            page = await self._store.items.written_since(since, PAGE)
            written += page.items
            complete, since = page.complete, page.revision
        view = await self._run(lambda: view.after(written, revision))
        known = await self.builder.known(view)
        if known:
            return await self.builder.build(view, known)
        recall = await self._run(view.model.verify)
        return Built(view, recall, await self._run(lambda: popular_items(view.model)))

    async def _follow_forever(self) -> None:
        while True:
            waiters, self._waiters = self._waiters, []
            self._wake.clear()
            is_done = False
            with going_on("the catalogue cannot be followed"):
                async with self._changing:
                    await self._follow()
                is_done = True
            for asked in waiters:
                if not asked.done():
                    asked.set_result(is_done)
            if not self._waiters:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), self._poll_seconds)

    async def _follow(self) -> None:
        """All that there is now."""
        complete = False
        while not complete:
            items, revision, complete = await self._read(self.view.revision)
            if revision == self.view.revision:
                return
            view, known = self.view, self.live.loaded
            if self._base is not None:
                self._base.since.update((item.item_id, item) for item in items)
            view = await self._run(partial(_after, view, items, revision))
            self._publish(view, known.popular_item_ids)

    async def _caught_up(self, view: CatalogueView) -> CatalogueView:
        complete = False
        while not complete:
            items, revision, complete = await self._read(view.revision)
            view = await self._run(partial(_after, view, items, revision))
        return view

    async def _read(self, revision: int) -> tuple[list[Item], int, bool]:
        items: list[Item] = []
        complete = False
        for _ in range(PAGES_A_ROUND):
            page = await self._store.items.changes_since(revision, PAGE)
            items += page.items
            revision, complete = page.revision, page.complete
            if complete:
                break
        return items, revision, complete

    def _publish(self, view: CatalogueView, popular_item_ids: Sequence[str]) -> None:
        self._view = view
        self.live.publish(Loaded(view.model, popular_item_ids, view.changed_at))
        if view.waiting:
            self.has_work.set()
        else:
            self.has_work.clear()

    async def _run(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _after(view: CatalogueView, items: Sequence[Item], revision: int) -> CatalogueView:
    after = view.after(items, revision)
    after.model.catalogue.attributes.mask(None, include_out_of_stock=False)  # else the next answer waits for it
    return after
