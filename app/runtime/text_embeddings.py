"""Embeddings of item texts: made before by some process, else made here, in pieces between which others work."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.observability.logs import get_log
from app.store.embeddings import EmbeddingStore
from models.domain.errors import StoreError
from models.features.content import EmbedsText

TEXTS_A_STEP: Final = 16
"""A tenth of a second on one core; between two steps something more urgent gets its turn."""
TEXTS_KEPT_AT_ONCE: Final = 64
"""What a killed process embeds again at most: half a second."""

Vectors = dict[str, NDArray[np.float32]]
EmbedsStep = Callable[[Sequence[str]], Awaitable[NDArray[np.float32] | None]]
"""Elsewhere than on the event loop; None where something more urgent came."""

log = get_log(__name__)


@dataclass(frozen=True, slots=True)
class Encoder:
    """What makes embeddings, and what they are called in the store."""

    name: str
    embed: Callable[[], EmbedsText]
    """Loads it where it is not loaded yet: half a second."""


class TextEmbeddings:
    """Finds and makes embeddings. As precise as a bundle keeps them: half precision."""

    def __init__(self, store: EmbeddingStore) -> None:
        self._store = store
        self.num_made = 0
        """Texts that were embedded by this process."""

    async def find(self, encoder: Encoder, texts: Sequence[str]) -> Vectors:
        """Those that were made before, by whichever process; none while the database is away."""
        try:
            found = await self._store.find(encoder.name, texts)
        except StoreError as error:
            log.warning("embeddings cannot be looked up", reason=str(error))
            return {}
        return {text: np.frombuffer(each, np.float16).astype(np.float32) for text, each in found.items()}

    async def make(self, encoder: Encoder, texts: Sequence[str], embed: EmbedsStep) -> Vectors:
        """Embeds the texts by `embed`, and keeps what was embedded: the first ones only where it answers None."""
        distinct = sorted(dict.fromkeys(texts), key=len)  # texts of one length share a batch
        made: Vectors = {}
        unkept: Vectors = {}
        for start in range(0, len(distinct), TEXTS_A_STEP):
            step = distinct[start : start + TEXTS_A_STEP]
            rows = await embed(step)
            if rows is None:
                break
            new = {text: row.astype(np.float16).astype(np.float32) for text, row in zip(step, rows, strict=True)}
            self.num_made += len(step)
            made |= new
            unkept |= {text: row for text, row in new.items() if text.strip()}
            if len(unkept) >= TEXTS_KEPT_AT_ONCE:
                await self._keep(encoder, unkept)
                unkept = {}
        await self._keep(encoder, unkept)
        return made

    async def _keep(self, encoder: Encoder, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        rows = {text: row.astype(np.float16).tobytes() for text, row in vectors.items()}
        try:
            await self._store.keep(encoder.name, rows)
        except StoreError as error:  # they are made again, then
            log.warning("embeddings are not kept", texts=len(rows), reason=str(error))


def embeds_from(vectors: Mapping[str, NDArray[np.float32]], encoder: Encoder) -> EmbedsText:
    """Knows these, and embeds what is not among them."""

    def embed(texts: Sequence[str], /) -> NDArray[np.float32]:
        unknown = [text for text in texts if text not in vectors]
        known = {**vectors, **dict(zip(unknown, encoder.embed()(unknown) if unknown else (), strict=True))}
        return np.stack([known[text] for text in texts])

    return embed
