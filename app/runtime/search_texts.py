"""What searches need and becoming ready does not wait for: the text encoder, and the words of all items."""

import asyncio
from typing import Final

from app.observability.logs import get_log
from app.runtime.live_model import ServedModel
from app.runtime.workers import Deadline
from models.domain.errors import DeadlineExceeded

MODELS_REMEMBERED: Final = 4

log = get_log(__name__)


class SearchTexts:
    """Loads them for the first search that a model is asked, in a thread of its own: other answers go on meanwhile."""

    def __init__(self) -> None:
        self._loading: dict[str, asyncio.Task[None]] = {}

    async def ready(self, model: ServedModel, deadline: Deadline | None) -> None:
        """Returns when the model can search. Raises what loading raises, and DeadlineExceeded while it goes on."""
        loading = self._loading.get(model.model_version)
        if loading is None or (loading.done() and loading.exception()):
            loading = self._loading[model.model_version] = asyncio.create_task(self._load(model))
            for version in list(self._loading)[:-MODELS_REMEMBERED]:
                del self._loading[version]
        if not loading.done():
            await asyncio.wait({loading}, timeout=deadline.remaining_seconds if deadline else None)
        if deadline and not loading.done():
            raise DeadlineExceeded(deadline.timeout_ms)
        loading.result()

    async def _load(self, model: ServedModel) -> None:
        started = asyncio.get_running_loop().time()
        await asyncio.to_thread(model.prepare_search)
        seconds = round(asyncio.get_running_loop().time() - started, 2)
        log.info("texts loaded for searches", model_version=model.model_version, seconds=seconds)
