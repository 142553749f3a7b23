"""The table of API keys: made, read, revoked."""

import secrets
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Final

from sqlalchemy import Row, or_, select, update

from app.settings import MAX_PER_MINUTE, web_origin
from app.store.columns import Clock, utc_now
from app.store.engine import Database, Transaction
from app.store.key_ring import (
    PREFIXES,
    PUBLISHABLE_SCOPES,
    SCOPES,
    ApiKey,
    KeyKind,
    KeyRing,
    Scope,
    digest_of,
    split_key,
)
from app.store.tables import api_keys
from models.domain.errors import SettingsRefused, UnknownName
from models.domain.ids import is_usable_id
from models.domain.recommendation import MAX_ID_CHARACTERS

KEY_ID_BYTES: Final = 6
SECRET_BYTES: Final = 32
FIELDS: Final = tuple(field.name for field in fields(ApiKey))


class KeyStore:
    """Makes keys and recognises them."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def create(
        self,
        name: str,
        scopes: Sequence[str],
        *,
        kind: KeyKind = "secret",
        origins: Sequence[str] = (),
        requests_per_minute: int | None = None,
    ) -> tuple[str, ApiKey]:
        """The key itself, which can be shown now and never again, and what is kept of it.

        Raises UnknownName for a scope that is none, and SettingsRefused for what no key may be, such as a publishable
        one that does too much or is bound to no page.
        """
        key_id, secret = secrets.token_hex(KEY_ID_BYTES), secrets.token_urlsafe(SECRET_BYTES)
        known, pages = _known_scopes(scopes), _as_browsers_send(origins)
        kept = ApiKey(key_id, name, kind, known, pages, requests_per_minute, self._clock(), None, None)
        _refuse_unfit(kept)
        row = {field: getattr(kept, field) for field in FIELDS} | {"secret_digest": digest_of(secret)}
        await self._database.write(lambda transaction: transaction.execute(api_keys.insert(), row))
        return f"{PREFIXES[kind]}_{key_id}_{secret}", kept

    async def ring(self) -> KeyRing:
        """All keys as they are now, revoked ones too."""
        rows = await self._database.read(lambda transaction: transaction.execute(select(api_keys)))
        return KeyRing({row.key_id: (_key(row), row.secret_digest) for row in rows})

    async def find(self, presented: str) -> ApiKey | None:
        """See `KeyRing.find`; reads one row."""
        parts = split_key(presented)
        row = await self._row(parts.key_id) if parts else None
        return KeyRing({row.key_id: (_key(row), row.secret_digest)} if row else {}).find(presented)

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

    async def any_made(self) -> bool:
        """Whether there ever was a key, revoked or not; from then on requests need one."""
        query = select(api_keys.c.key_id).limit(1)
        return (await self._database.read(lambda transaction: transaction.execute(query))).scalar() is not None

    async def revoke(self, key_id: str) -> bool:
        """Whether there was such a key, not revoked before. Every process refuses it from its next look on."""
        current = update(api_keys).where(api_keys.c.key_id == key_id, api_keys.c.revoked_at.is_(None))

        async def work(transaction: Transaction) -> bool:
            return (await transaction.execute(current.values(revoked_at=self._clock()))).rowcount == 1

        return await self._database.write(work)

    async def _row(self, key_id: str) -> Row[Any] | None:
        query = select(api_keys).where(api_keys.c.key_id == key_id)
        return (await self._database.read(lambda transaction: transaction.execute(query))).one_or_none()


def _refuse_unfit(wanted: ApiKey) -> None:
    if not is_usable_id(wanted.name):
        raise SettingsRefused(f"a key's name has 1 to {MAX_ID_CHARACTERS} printable characters")
    if not wanted.scopes:
        raise SettingsRefused(f"a key needs a scope: {', '.join(SCOPES)}")
    per_minute = wanted.requests_per_minute
    if per_minute is not None and not 1 <= per_minute <= MAX_PER_MINUTE:
        raise SettingsRefused(f"a limit of {per_minute} requests a minute; 1 to {MAX_PER_MINUTE:,} can be had")
    if wanted.kind == "secret" and wanted.origins:
        raise SettingsRefused(f"a secret key must not be in a web page of {wanted.origins[0]}; make a publishable one")
    if wanted.kind == "publishable" and not wanted.origins:
        raise SettingsRefused("a publishable key needs the origins of the web pages that may use it")
    if wanted.kind == "publishable" and (too_much := [one for one in wanted.scopes if one not in PUBLISHABLE_SCOPES]):
        known = " and ".join(PUBLISHABLE_SCOPES)
        raise SettingsRefused(f"a publishable key may have the scopes {known}, not {too_much[0]}")


def _known_scopes(names: Sequence[str]) -> tuple[Scope, ...]:
    for name in names:
        if name not in SCOPES:
            raise UnknownName("scope", name, list(SCOPES))
    return tuple(scope for scope in SCOPES if scope in names)


def _as_browsers_send(origins: Sequence[str]) -> tuple[str, ...]:
    try:
        return tuple(dict.fromkeys(web_origin(origin) for origin in origins))
    except ValueError as error:
        raise SettingsRefused(str(error)) from None


def _key(row: Row[Any]) -> ApiKey:
    found: dict[str, Any] = {field: getattr(row, field) for field in FIELDS}
    return ApiKey(**found | {"scopes": tuple(row.scopes), "origins": tuple(row.origins)})
