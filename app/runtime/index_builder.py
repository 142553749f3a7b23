"""Builds the next view beside the one that answers.

A few items are built in a thread, with the priority of all others: put back while it holds the interpreter's lock, it
would keep answers waiting. Of an import, the slow parts are another process's, which can be put back and is.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from app.runtime.catalogue_view import CatalogueView, ContentDraft
from app.runtime.import_process import ImportProcess, MayGoOn
from app.runtime.live_model import popular_items
from app.runtime.text_embeddings import EmbedsStep, Encoder, TextEmbeddings, Vectors, embeds_from
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
        self.embeddings = TextEmbeddings(embeddings)
        self._process: ImportProcess | None = None

    async def build(self, view: CatalogueView, piece: Sequence[Item]) -> Built:
        """The view with these items of those that wait. Raises ViewRefused where it does not find what is in it."""
        encoder, begun = encoder_of(view), await self._begun(view, piece)
        vectors = await self._vectors(encoder, begun, lambda texts: self._run(lambda: encoder.embed()(texts)))
        return await self._run(lambda: _checked(begun.finished(embeds_from(vectors, encoder))))

    async def build_behind(self, may_go_on: MayGoOn, view: CatalogueView, piece: Sequence[Item]) -> Built | None:
        """The same, behind everything else; None where `may_go_on` said no before the slow parts were done.

        Raises ServiceError too, where the process that does them has ended.
        """
        process = await self._import_process(view)
        encoder, begun = encoder_of(view), await self._begun(view, piece)
        vectors = await self._vectors(encoder, begun, lambda texts: process.embed(texts, may_go_on))
        if not may_go_on():
            return None
        embed = embeds_from(vectors, encoder)
        text_BE, tag_rows_BT = await self._run(lambda: begun.draft.to_link(embed))
        if not len(text_BE):
            return await self._run(lambda: _checked(begun.finished(embed)))
        nearest = await process.nearest(text_BE, tag_rows_BT, may_go_on)
        if nearest is None:
            return None
        return await self._run(lambda: _checked(begun.finished(embed, lambda *_: nearest)))

    async def rest(self) -> None:
        """Gives back what an import took; the next one takes it again."""
        if self._process:
            await self._process.end()
            self._process = None

    async def known(self, view: CatalogueView) -> list[Item]:
        """Those of the items that wait that can be built without embedding anything."""
        waiting = list(view.waiting.values())
        texts = (await self._begun(view, waiting)).draft.texts_to_embed
        missing = set(texts) - (await self.embeddings.find(encoder_of(view), texts)).keys()
        return [item for item in waiting if view.sentence_of(item) not in missing]

    async def knows(self, view: CatalogueView, piece: Sequence[Item]) -> bool:
        """Whether these items, of those that wait, can be built without embedding anything."""
        texts = [text for text in (await self._begun(view, piece)).draft.texts_to_embed if text.strip()]
        return len(await self.embeddings.find(encoder_of(view), texts)) == len(set(texts))

    async def close(self) -> None:
        """Starts nothing more; what runs in a thread ends by itself, within seconds."""
        await self.rest()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _begun(self, view: CatalogueView, piece: Sequence[Item]) -> ContentDraft:
        def begin() -> ContentDraft:
            begun = view.begin(piece)
            _ = begun.draft.texts_to_embed  # made here, and not on the event loop
            return begun

        return await self._run(begin)

    async def _vectors(self, encoder: Encoder, begun: ContentDraft, embed: EmbedsStep) -> Vectors:
        """Of the texts that these items need: known, else made by `embed`."""
        texts = begun.draft.texts_to_embed
        vectors = await self.embeddings.find(encoder, texts)
        missing = [text for text in texts if text not in vectors]
        return vectors | await self.embeddings.make(encoder, missing, embed) if missing else vectors

    async def _import_process(self, view: CatalogueView) -> ImportProcess:
        if self._process is None or self._process.has_ended or self._process.folder != view.model.folder:
            await self.rest()
            self._process = ImportProcess(view.model.folder)
        return self._process

    async def _run(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def encoder_of(view: CatalogueView) -> Encoder:
    """The bundle's, loaded when it is first needed."""
    origin = view.model.items.origin
    return Encoder(origin.bundle.manifest.text_encoder.digest, lambda: origin.encoder.embed)


def _checked(view: CatalogueView) -> Built:
    recall = view.model.verify()
    return Built(view, recall, popular_items(view.model))
