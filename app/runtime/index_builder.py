"""Builds the next view beside the one that answers, in threads of its own; large imports stand back behind answers."""

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, TypeVar

from app.runtime.catalogue_view import CatalogueView
from app.runtime.live_model import popular_items
from app.runtime.text_embeddings import Encoder, TextEmbeddings, embeds_from
from app.store.embeddings import EmbeddingStore
from app.store.item_rows import Item
from models.retrieval.faiss_index import set_search_threads

NICE: Final = 10
"""Of the thread for imports: where processors are short, answers come first."""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Built:
    """A view that passed its checks."""

    view: CatalogueView
    recall: float
    popular_item_ids: Sequence[str]


class IndexBuilder:
    """One piece after the other."""

    def __init__(self, embeddings: EmbeddingStore) -> None:
        self._soon = ThreadPoolExecutor(max_workers=1, thread_name_prefix="index", initializer=_search_alone)
        self._later = ThreadPoolExecutor(max_workers=1, thread_name_prefix="import", initializer=_stand_back)
        self.embeddings = TextEmbeddings(embeddings)

    async def build(self, view: CatalogueView, piece: Sequence[Item]) -> Built:
        """The view with these items of those that wait. Raises ViewRefused where it does not find what is in it."""
        built = await self._build(self._soon, view, piece, lambda: True)
        assert built is not None
        return built

    async def build_later(
        self, view: CatalogueView, piece: Sequence[Item], may_go_on: Callable[[], bool]
    ) -> Built | None:
        """The same, behind whatever is more urgent; None where `may_go_on` said no between two steps."""
        return await self._build(self._later, view, piece, may_go_on)

    async def known(self, view: CatalogueView) -> list[Item]:
        """Those of the items that wait that can be built without embedding anything."""
        waiting = list(view.waiting.values())
        texts = await _run(self._soon, lambda: view.texts_to_embed(waiting))
        missing = set(texts) - (await self.embeddings.find(encoder_of(view), texts)).keys()
        return [item for item in waiting if view.sentence_of(item) not in missing]

    async def knows(self, view: CatalogueView, piece: Sequence[Item]) -> bool:
        """Whether these items, of those that wait, can be built without embedding anything."""
        texts = [text for text in await _run(self._later, lambda: view.texts_to_embed(piece)) if text.strip()]
        return len(await self.embeddings.find(encoder_of(view), texts)) == len(set(texts))

    def close(self) -> None:
        """Starts nothing more; what runs ends by itself, within seconds."""
        for threads in (self._soon, self._later):
            threads.shutdown(wait=False, cancel_futures=True)

    async def _build(
        self, threads: Executor, view: CatalogueView, piece: Sequence[Item], may_go_on: Callable[[], bool]
    ) -> Built | None:
        encoder = encoder_of(view)
        texts = await _run(threads, lambda: view.texts_to_embed(piece))
        vectors = await self.embeddings.find(encoder, texts)
        missing = [text for text in texts if text not in vectors]
        if missing:
            vectors |= await self.embeddings.make(encoder, missing, threads, may_go_on)
        if not may_go_on():
            return None
        return await _run(threads, lambda: _checked(view.with_content(piece, embeds_from(vectors, encoder))))


def encoder_of(view: CatalogueView) -> Encoder:
    """The bundle's, loaded when it is first needed."""
    origin = view.model.items.origin
    return Encoder(origin.bundle.manifest.text_encoder.digest, lambda: origin.encoder.embed)


async def _run(threads: Executor, work: Callable[[], Result]) -> Result:
    return await asyncio.get_running_loop().run_in_executor(threads, work)


def _checked(view: CatalogueView) -> Built:
    recall = view.model.verify()
    return Built(view, recall, popular_items(view.model))


def _search_alone() -> None:
    set_search_threads(1)


def _stand_back() -> None:
    _search_alone()
    if sys.platform == "linux":  # elsewhere it would be the whole process
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
