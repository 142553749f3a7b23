"""API keys: made, checked, revoked.

A key is 256 random bits, so it cannot be guessed from its digest however fast that is computed, and SHA-256 is
enough. Slow hashes with a salt (bcrypt, Argon2) are for passwords, which people choose from few; here they would
only cost every request milliseconds.
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any, Final, Literal

from sqlalchemy import Row, func, or_, select, update

from app.store.columns import Clock, utc_now
from app.store.engine import Database, Transaction
from app.store.tables import api_keys

KeyKind = Literal["secret", "publishable"]
Scope = Literal["recommend", "catalogue", "events", "studio", "admin"]

PREFIXES: Final[dict[KeyKind, str]] = {"secret": "figsk", "publishable": "figpk"}
"""So that people and scanners for leaked secrets know at sight what they found."""
KEY_ID_BYTES: Final = 6
SECRET_BYTES: Final = 32
NO_DIGEST: Final = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of a key; its secret is not."""

    key_id: str
    """Part of the key that is no secret, by which people and logs name it."""
    name: str
    kind: KeyKind
    scopes: Sequence[Scope]
    origins: Sequence[str]
    """Web pages that may use a publishable key, such as https://shop.example."""
    requests_per_minute: int | None
    """None: as many as the service takes."""
    created_at: datetime
    revoked_at: datetime | None
    last_used_on: date | None
    """The day, UTC; not the hour, which would say more about people than anyone needs."""


FIELDS: Final = tuple(field.name for field in fields(ApiKey))


class KeyStore:
    """Makes keys and recognises them."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def create(
        self,
        name: str,
        scopes: Sequence[Scope],
        *,
        kind: KeyKind = "secret",
        origins: Sequence[str] = (),
        requests_per_minute: int | None = None,
    ) -> tuple[str, ApiKey]:
        """The key itself, which can be shown now and never again, and what is kept of it."""
        key_id, secret = secrets.token_hex(KEY_ID_BYTES), secrets.token_urlsafe(SECRET_BYTES)
        kept = ApiKey(key_id, name, kind, tuple(scopes), tuple(origins), requests_per_minute, self._clock(), None, None)
        row = {field: getattr(kept, field) for field in FIELDS} | {"secret_digest": _digest(secret)}
        await self._database.write(lambda transaction: transaction.execute(api_keys.insert(), row))
        return f"{PREFIXES[kind]}_{key_id}_{secret}", kept

    async def find(self, presented: str) -> ApiKey | None:
        """The key that this text is, unless it was revoked; None for anything else.

        Takes the same time for a wrong secret, however much of it is right.
        """
        prefix, _, rest = presented.partition("_")
        key_id, _, secret = rest.partition("_")
        row = await self._row(key_id) if prefix in PREFIXES.values() and key_id.isalnum() and key_id.isascii() else None
        right = hmac.compare_digest(row.secret_digest if row else NO_DIGEST, _digest(secret))
        if row is None or not right or row.revoked_at is not None or PREFIXES[row.kind] != prefix:
            return None
        return _key(row)

    async def note_use(self, key_id: str) -> None:
        """Keeps the day; writes at most once a day, so it may be called with every request."""
        today = self._clock().date()
        earlier = or_(api_keys.c.last_used_on.is_(None), api_keys.c.last_used_on < today)
        row = await self._row(key_id)
        if row is not None and (row.last_used_on is None or row.last_used_on < today):
            used = update(api_keys).where(api_keys.c.key_id == key_id, earlier).values(last_used_on=today)
            await self._database.write(lambda transaction: transaction.execute(used))

    async def list_keys(self, *, revoked: bool = False) -> list[ApiKey]:
        """In the order in which they were made; with those that were revoked too, if asked."""
        query = select(api_keys).order_by(api_keys.c.created_at, api_keys.c.key_id)
        if not revoked:
            query = query.where(api_keys.c.revoked_at.is_(None))
        return [_key(row) for row in await self._database.read(lambda transaction: transaction.execute(query))]

    async def any_exist(self) -> bool:
        """Whether there is a key that is not revoked; from then on requests need one."""
        query = select(func.count()).select_from(api_keys).where(api_keys.c.revoked_at.is_(None))
        return bool((await self._database.read(lambda transaction: transaction.execute(query))).scalar_one())

    async def revoke(self, key_id: str) -> bool:
        """Whether there was such a key, not revoked before. Every process refuses it from its next look on."""
        current = update(api_keys).where(api_keys.c.key_id == key_id, api_keys.c.revoked_at.is_(None))

        async def work(transaction: Transaction) -> bool:
            return (await transaction.execute(current.values(revoked_at=self._clock()))).rowcount == 1

        return await self._database.write(work)

    async def _row(self, key_id: str) -> Row[Any] | None:
        query = select(api_keys).where(api_keys.c.key_id == key_id)
        return (await self._database.read(lambda transaction: transaction.execute(query))).one_or_none()


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(**{field: getattr(row, field) for field in FIELDS})
