"""Builds the next view beside the one that answers, in a thread of its own.

The thread has the priority of all others. Put back while it holds the interpreter's lock, it would keep answers
waiting; and with a nice value of 10, on a machine with six times the work that it can do, an import had made no
progress after 150 s, where without one it had made the features of 1,500 items.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from app.runtime.catalogue_view import CatalogueView
from app.runtime.live_model import popular_items
from app.runtime.text_embeddings import Encoder, TextEmbeddings, embeds_from
from app.store.embeddings import EmbeddingStore
from app.store.item_rows import Item
from models.retrieval.faiss_index import set_search_threads

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
        self._threads = ThreadPoolExecutor(
            max_workers=1, thread_name_prefix="index", initializer=lambda: set_search_threads(1)
        )
        self.embeddings = TextEmbeddings(embeddings, self._threads)

    async def build(self, view: CatalogueView, piece: Sequence[Item]) -> Built:
        """The view with these items of those that wait. Raises ViewRefused where it does not find what is in it."""
        built = await self.build_while(lambda: True, view, piece)
        assert built is not None
        return built

    async def build_while(
        self, may_go_on: Callable[[], bool], view: CatalogueView, piece: Sequence[Item]
    ) -> Built | None:
        """The same; None where `may_go_on` said no between two steps."""
        encoder = encoder_of(view)
        texts = await self._run(lambda: view.texts_to_embed(piece))
        vectors = await self.embeddings.find(encoder, texts)
        missing = [text for text in texts if text not in vectors]
        if missing:
            vectors |= await self.embeddings.make(encoder, missing, may_go_on)
        if not may_go_on():
            return None
        return await self._run(lambda: _checked(view.with_content(piece, embeds_from(vectors, encoder))))

    async def known(self, view: CatalogueView) -> list[Item]:
        """Those of the items that wait that can be built without embedding anything."""
        waiting = list(view.waiting.values())
        texts = await self._run(lambda: view.texts_to_embed(waiting))
        missing = set(texts) - (await self.embeddings.find(encoder_of(view), texts)).keys()
        return [item for item in waiting if view.sentence_of(item) not in missing]

    async def knows(self, view: CatalogueView, piece: Sequence[Item]) -> bool:
        """Whether these items, of those that wait, can be built without embedding anything."""
        texts = [text for text in await self._run(lambda: view.texts_to_embed(piece)) if text.strip()]
        return len(await self.embeddings.find(encoder_of(view), texts)) == len(set(texts))

    def close(self) -> None:
        """Starts nothing more; what runs ends by itself, within seconds."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def encoder_of(view: CatalogueView) -> Encoder:
    """The bundle's, loaded when it is first needed."""
    origin = view.model.items.origin
    return Encoder(origin.bundle.manifest.text_encoder.digest, lambda: origin.encoder.embed)


def _checked(view: CatalogueView) -> Built:
    recall = view.model.verify()
    return Built(view, recall, popular_items(view.model))
