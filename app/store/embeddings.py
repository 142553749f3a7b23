"""Text embeddings that every process of a shop shares, and that outlive all of them."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Final

from sqlalchemy import select, update

from app.store.columns import Clock, utc_now
from app.store.engine import Database, Transaction
from app.store.purging import purge_rows
from app.store.tables import text_embeddings
from app.store.upsert import insert_into

KEPT: Final = timedelta(days=90)
"""Without being read. One that is missed then is made again."""
TEXTS_A_QUERY: Final = 500


class EmbeddingStore:
    """Embeddings by encoder and text; the texts themselves are not kept."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def find(self, encoder: str, texts: Iterable[str]) -> dict[str, bytes]:
        """Those that there are, by text. That they were read is noted, once a day."""
        by_digest = {_digest(text): text for text in texts}
        digests = list(by_digest)
        found: dict[str, bytes] = {}
        for start in range(0, len(digests), TEXTS_A_QUERY):
            found |= await self._find_some(encoder, digests[start : start + TEXTS_A_QUERY])
        return {by_digest[digest]: embedding for digest, embedding in found.items()}

    async def keep(self, encoder: str, embeddings: Mapping[str, bytes]) -> None:
        """Embeddings by text; one that is there already stays."""
        today = self._clock().date()
        rows = [
            {"encoder": encoder, "text_digest": _digest(text), "embedding": embedding, "used_on": today}
            for text, embedding in embeddings.items()
        ]
        if not rows:
            return

        async def work(transaction: Transaction) -> None:
            await transaction.execute(insert_into(text_embeddings, transaction).on_conflict_do_nothing(), rows)

        await self._database.write(work)

    async def purge(self) -> int:
        """Deletes what nobody read for long; how many."""
        old = text_embeddings.c.used_on < (self._clock() - KEPT).date()
        return await purge_rows(self._database, text_embeddings, old)

    async def _find_some(self, encoder: str, digests: list[str]) -> dict[str, bytes]:
        mine = (text_embeddings.c.encoder == encoder, text_embeddings.c.text_digest.in_(digests))
        columns = (text_embeddings.c.text_digest, text_embeddings.c.embedding, text_embeddings.c.used_on)
        query = select(*columns).where(*mine)
        rows = (await self._database.read(lambda transaction: transaction.execute(query))).all()
        today = self._clock().date()
        if any(row.used_on < today for row in rows):
            used = update(text_embeddings).where(*mine).values(used_on=today)
            await self._database.write(lambda transaction: transaction.execute(used))
        return {row.text_digest: row.embedding for row in rows}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
