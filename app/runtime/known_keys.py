"""The API keys as this process knows them, read again every few seconds: no request waits for the database."""

import asyncio
import time
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final

from app.observability.logs import get_log
from app.runtime.going_on import going_on
from app.store.columns import utc_now
from app.store.engine import Database
from app.store.key_ring import ApiKey, KeyRing, split_key
from app.store.keys import KeyStore
from models.domain.errors import NotReady, StoreError

EVERY_SECONDS: Final = 2.0
"""A key that was made or revoked by another process counts here after at most this time."""
LOOK_AGAIN_SECONDS: Final = 0.25
"""A key that is not known is looked for, at most this often: new ones work at once, and guesses cost little."""
WAIT_SECONDS: Final = 1.0
"""The longest that such a look holds up the request that caused it."""
TRUSTED_SECONDS: Final = 300.0
"""While the database is away, known keys go on working this long. Nobody can revoke one in the meantime either."""

log = get_log(__name__)


class KnownKeys:
    """Recognises keys in memory."""

    def __init__(self) -> None:
        self._store: KeyStore | None = None
        self._ring = KeyRing({})
        self._read_at = float("-inf")
        self._is_away = False
        self._used: set[str] = set()
        self._look: asyncio.Task[None] | None = None

    async def open(self, store: KeyStore) -> None:
        """Reads the keys for the first time."""
        self._store = store
        await self._read(store)

    async def follow(self) -> None:
        """Reads them again and again until it is cancelled."""
        assert self._store is not None
        try:
            while True:
                await asyncio.sleep(EVERY_SECONDS)
                await self._try(self._note_uses(self._store))
                await self._try(self._read(self._store))
        finally:
            if self._look:
                self._look.cancel()

    @property
    def ring(self) -> KeyRing:
        """All keys. Raises NotReady where they were not read yet, or too long ago."""
        self.check_trusted()
        return self._ring

    def check_trusted(self) -> None:
        """Raises NotReady where `ring` would: no request but a probe's is answered then."""
        if time.monotonic() - self._read_at > TRUSTED_SECONDS:
            raise NotReady("the API keys cannot be read")

    @property
    def origins(self) -> frozenset[str]:
        """Web pages that some publishable key names."""
        return self._ring.origins

    async def find(self, presented: str) -> ApiKey | None:
        """The key that this text is, unless it was revoked; None for anything else."""
        parts = split_key(presented)
        if parts and self.ring.get(parts.key_id) is None:
            await self._look_again()
        key = self.ring.find(presented)
        if key:
            self._used.add(key.key_id)
        return key

    async def _look_again(self) -> None:
        """For a key that was made a moment ago; however many ask at once, the database is asked once."""
        asked = time.monotonic()
        with suppress(TimeoutError):
            async with asyncio.timeout(WAIT_SECONDS):
                while self._read_at < asked and not self._is_away:
                    if self._look is None or self._look.done():
                        self._look = asyncio.create_task(self._look_soon())
                    await asyncio.shield(self._look)

    async def _look_soon(self) -> None:
        assert self._store is not None
        await asyncio.sleep(self._read_at + LOOK_AGAIN_SECONDS - time.monotonic())
        await self._try(self._read(self._store))

    async def _read(self, store: KeyStore) -> None:
        started = time.monotonic()
        ring = await store.ring()
        if started > self._read_at:  # else a look that began later has ended before
            self._ring, self._read_at = ring, started
        if self._is_away:
            log.info("API keys can be read again")
        self._is_away = False

    async def _note_uses(self, store: KeyStore) -> None:
        used, self._used = self._used, set()
        today = utc_now().date()
        for key_id in used:
            key = self._ring.get(key_id)
            if key and key.last_used_on != today:
                await store.note_use(key_id)

    async def _try(self, step: Coroutine[Any, Any, None]) -> None:
        """Tells once that the database is away; what is known goes on counting, whatever goes wrong."""
        with going_on("API keys cannot be read"):
            try:
                await step
            except StoreError as error:
                if not self._is_away:
                    log.warning("API keys cannot be read", reason=str(error), trusted_seconds=TRUSTED_SECONDS)
                self._is_away = True


async def any_key_made(database_url: str) -> bool:
    """Whether the database has one; for a process that must know before it serves."""
    database = await Database.open(database_url)
    try:
        return await KeyStore(database).any_made()
    finally:
        await database.close()
