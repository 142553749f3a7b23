"""A catalogue that follows the store, and all that works behind it."""

import asyncio
import gc
from collections.abc import Callable, Sequence
from pathlib import Path

from app.runtime.bundles import Bundles
from app.runtime.field_check import FieldCheck
from app.runtime.import_jobs import KIND, ImportJobs
from app.runtime.index_building import IndexBuilding
from app.runtime.jobs import JobWorker
from app.runtime.live_catalogue import LiveCatalogue
from app.runtime.live_model import LiveModel
from app.runtime.model_switch import ModelSwitch
from app.runtime.serving import ModelVersion
from app.store.store import Store
from models.recommend.recommender import Recommender


class LiveServing:
    """Serves one bundle after the other, with the shop's changes."""

    def __init__(
        self, live: LiveModel, store: Store, bundles: Bundles, open_model: Callable[[Path], Recommender]
    ) -> None:
        self.catalogue = LiveCatalogue(live, store, open_model)
        self._switch = ModelSwitch(self.catalogue, store.active_model, bundles)
        self._building = IndexBuilding(self.catalogue, ImportJobs(store.jobs))
        self._imports = JobWorker(store.jobs, {KIND: self._building.see_import})

    async def load(self) -> None:
        """Raises BundleError, StoreError."""
        await self._switch.start()
        # what is loaded stays: to look it through for garbage stops all answers for 90 ms at 100,000 items
        gc.collect()
        gc.freeze()
        self._building.start()
        self._imports.start()

    async def close(self) -> None:
        """An import that is not done goes back, for another process or the next start."""
        await self._imports.close()
        await self._building.close()
        await self._switch.close()
        await self.catalogue.close()

    def field_check(self) -> FieldCheck:
        """As the catalogue has them now."""
        return self.catalogue.view.field_check()

    async def caught_up(self) -> bool:
        """See `LiveCatalogue.caught_up`."""
        return await self.catalogue.caught_up()

    def import_written(self) -> None:
        """Somebody takes it at once."""
        self._imports.wake()

    async def versions(self) -> Sequence[ModelVersion]:
        """From the manifests."""
        now = self._switch.version
        found = await asyncio.to_thread(self._switch.bundles.all)
        return [ModelVersion(each.version, each.version == now, each.created_at, each.problem) for each in found]

    async def activate(self, version: str) -> None:
        """See `ModelSwitch.activate`."""
        await self._switch.activate(version)
