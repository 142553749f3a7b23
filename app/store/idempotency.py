"""Requests that are carried out once, however often they are sent with the same Idempotency-Key."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Row, delete, select, update

from app.store.columns import Clock, utc_now
from app.store.engine import Database, Transaction
from app.store.purging import purge_rows
from app.store.tables import idempotency_keys
from app.store.upsert import insert_into

KEPT: Final = timedelta(hours=24)
LEASE: Final = timedelta(seconds=60)
"""Longer than any request that takes a key; then a claim whose process died is free again."""


@dataclass(frozen=True, slots=True)
class Fresh:
    """Nobody has carried this out: do it, then `complete`, or `release` where it failed."""

    token: str


@dataclass(frozen=True, slots=True)
class InProgress:
    """Somebody is carrying it out now (409)."""

    retry_at: datetime
    """When the claim ends at the latest."""


@dataclass(frozen=True, slots=True)
class Done:
    """It was carried out: the answer that was given then."""

    status: int
    answer: str


@dataclass(frozen=True, slots=True)
class OtherBody:
    """The key belongs to a request with another body (422)."""


Claim = Fresh | InProgress | Done | OtherBody


class IdempotencyStore:
    """Claims keys. Scope and key are kept as digests only: a client may well put a shopper's id into either."""

    def __init__(self, database: Database, clock: Clock = utc_now, *, lease: timedelta = LEASE) -> None:
        self._database = database
        self._clock = clock
        self._lease = lease

    async def claim(self, scope: Sequence[str], key: str, body: bytes) -> Claim:
        """What is known of the request. `scope`: whose key it is and what for, such as API key, method and path."""
        digest, body_digest = _digest(*scope, key), hashlib.sha256(body).hexdigest()

        mine = idempotency_keys.c.claim_digest == digest

        async def work(transaction: Transaction) -> Claim:
            now = self._clock()
            token = secrets.token_hex(16)
            row = {"token": token, "lease_until": now + self._lease}
            expired = idempotency_keys.c.expires_at <= now
            await transaction.execute(delete(idempotency_keys).where(mine, expired))
            insert = insert_into(idempotency_keys, transaction).values(
                claim_digest=digest, body_digest=body_digest, expires_at=now + KEPT, **row
            )
            while True:
                # of two that claim at once, the second waits here for the first to commit, and then reads its row
                if (await transaction.execute(insert.on_conflict_do_nothing())).rowcount:
                    return Fresh(token)
                found = (
                    await transaction.execute(select(idempotency_keys).where(mine).with_for_update())
                ).one_or_none()
                if found is not None:
                    break  # else it was released between the two
            told = _told(found, body_digest, now)
            if told is None:
                await transaction.execute(update(idempotency_keys).where(mine).values(**row))
            return told or Fresh(token)

        return await self._database.write(work)

    async def complete(self, token: str, status: int, answer: str, *, within: Transaction | None = None) -> bool:
        """Keeps the answer until 24 hours after the claim; false where the claim was lost to somebody else meanwhile.

        Within the transaction of the work itself, the work is done once even if the process dies between the two;
        where the claim was lost that transaction must not be committed.
        """
        mine = (idempotency_keys.c.token == token, idempotency_keys.c.status.is_(None))
        done = update(idempotency_keys).where(*mine).values(status=status, answer=answer)

        async def work(transaction: Transaction) -> bool:
            return (await transaction.execute(done)).rowcount == 1

        return await self._database.write(work, within=within)

    async def release(self, token: str) -> None:
        """Frees the key: the work failed, and the same request may try again."""
        mine = (idempotency_keys.c.token == token, idempotency_keys.c.status.is_(None))
        await self._database.write(lambda transaction: transaction.execute(delete(idempotency_keys).where(*mine)))

    async def purge(self) -> int:
        """Deletes what is older than 24 hours; how many."""
        return await purge_rows(self._database, idempotency_keys, idempotency_keys.c.expires_at <= self._clock())


def _told(found: Row[tuple[object, ...]], body_digest: str, now: datetime) -> Claim | None:
    """None where the claim's process is taken for dead."""
    if found.body_digest != body_digest:
        return OtherBody()
    if found.status is not None:
        return Done(found.status, found.answer)
    return InProgress(found.lease_until) if found.lease_until > now else None


def _digest(*parts: str) -> str:
    """One for each sequence of parts: each goes in with its length."""
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return digest.hexdigest()
