"""Which bundle answers: switched under load, here and in every other process of the shop."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Final

from app.runtime.bundles import Bundles
from app.runtime.going_on import going_on
from app.runtime.live_catalogue import LiveCatalogue
from app.store.active_model import ActiveModel, ActiveModelStore

POLL_SECONDS: Final = 0.5
PAUSE_SECONDS: Final = 5.0
"""After a switch of another process that this one could not follow."""


class ModelSwitch:
    """The other bundle is opened and verified beside the one that answers, then takes over between two requests."""

    def __init__(self, catalogue: LiveCatalogue, active: ActiveModelStore, bundles: Bundles) -> None:
        self.bundles = bundles
        self._catalogue = catalogue
        self._active = active
        self._switches = 0
        """Of the store, as far as this process has followed: served and laid."""
        self._switching = asyncio.Lock()
        self._following: asyncio.Task[None] | None = None

    @property
    def version(self) -> str:
        """What answers. Raises NotReady."""
        return self._catalogue.view.model.folder.name

    async def start(self) -> None:
        """Serves the bundle to begin with, and follows from then on. Raises BundleError, StoreError."""
        chosen = await self._active.get()
        folder = await asyncio.to_thread(self.bundles.at_start, chosen)
        await self._catalogue.serve(await self._catalogue.open(folder, lay=True))
        self._switches = chosen.switches if chosen else 0
        self._following = asyncio.create_task(self._follow_forever())

    async def activate(self, version: str) -> None:
        """Returns when it answers here and its catalogue is laid.

        Raises UnknownName, BundleError where it must not be served, StoreError. What was begun when the store failed is
        completed by following, or by the same call again.
        """
        folder = await asyncio.to_thread(self.bundles.find, version)
        async with self._switching:
            built = None if version == self.version else await self._catalogue.open(folder, lay=False)
            active = await self._active.activate(version)
            if built is not None:
                await self._catalogue.serve(built)
            await self._complete(active)

    async def close(self) -> None:
        """Follows no more."""
        if self._following:
            self._following.cancel()
            with suppress(asyncio.CancelledError):
                await self._following

    async def _follow_forever(self) -> None:
        while True:
            await asyncio.sleep(POLL_SECONDS)
            with going_on("another process switched models, this one cannot"):
                await self._follow()
                continue
            await asyncio.sleep(PAUSE_SECONDS)

    async def _follow(self) -> None:
        async with self._switching:
            active = await self._active.get()
            if active is None or active.switches == self._switches:
                return
            if active.version != self.version:
                folder: Path = await asyncio.to_thread(self.bundles.find, active.version)
                await self._catalogue.serve(await self._catalogue.open(folder, lay=False))
            await self._complete(active)

    async def _complete(self, active: ActiveModel) -> None:
        """Lays the catalogue of what answers; until that is done the switch counts as not followed.

        After serving, so that nobody misses an item meanwhile that only the former bundle has. Whoever follows does it
        too, since the process that switched may have ended in the middle of it.
        """
        await self._catalogue.lay(self._catalogue.view)
        self._switches = active.switches
