"""API keys: made, checked, revoked.

A key is 256 random bits, so it cannot be guessed from its digest however fast that is computed, and SHA-256 is
enough. Slow hashes with a salt (bcrypt, Argon2) are for passwords, which people choose from few; here they would
only cost every request milliseconds.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any, Final, Literal, NamedTuple, get_args

from sqlalchemy import Row, or_, select, update

from app.settings import web_origin
from app.store.columns import Clock, utc_now
from app.store.engine import Database, Transaction
from app.store.tables import api_keys
from models.domain.errors import SettingsRefused

KeyKind = Literal["secret", "publishable"]
Scope = Literal["recommend", "catalogue", "events", "studio", "admin"]

SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
PUBLISHABLE_SCOPES: Final[tuple[Scope, ...]] = ("recommend", "events")
"""A publishable key can be read by everyone who looks at the page."""
PREFIXES: Final[dict[KeyKind, str]] = {"secret": "figsk", "publishable": "figpk"}
"""So that people and scanners for leaked secrets know at sight what they found."""
KEY_LIKE: Final = re.compile(rf"({'|'.join(PREFIXES.values())})_", re.IGNORECASE)
"""Where this is found, there may be a key."""
KEY_ID_BYTES: Final = 6
SECRET_BYTES: Final = 32
MAX_KEY_CHARACTERS: Final = 128
"""More than any key has; longer texts are not even hashed."""
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


class KeyParts(NamedTuple):
    """What a text must consist of to be a key; whether it is one is another matter."""

    prefix: str
    key_id: str
    secret: str


class KeyRing:
    """All keys at one moment, to recognise them without asking the database."""

    def __init__(self, keys: Mapping[str, tuple[ApiKey, str]]) -> None:
        """`keys`: key id → what is known of the key, and the digest of its secret."""
        self._keys = keys
        self.origins = frozenset(
            origin
            for key, _ in keys.values()
            if key.kind == "publishable" and not key.revoked_at
            for origin in key.origins
        )
        """Web pages that some publishable key may be used from."""

    @property
    def is_empty(self) -> bool:
        """Whether no key was ever made; one that was revoked still counts, so revoking never opens the service."""
        return not self._keys

    def find(self, presented: str) -> ApiKey | None:
        """The key that this text is, unless it was revoked; None for anything else.

        Takes the same time for a wrong secret, however much of it is right.
        """
        parts = split_key(presented)
        if parts is None:
            return None
        key, digest = self._keys.get(parts.key_id, (None, NO_DIGEST))
        right = hmac.compare_digest(digest, _digest(parts.secret))
        if key is None or not right or key.revoked_at is not None or PREFIXES[key.kind] != parts.prefix:
            return None
        return key

    def get(self, key_id: str) -> ApiKey | None:
        """By the part that is no secret."""
        key, _ = self._keys.get(key_id, (None, NO_DIGEST))
        return key


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
        """The key itself, which can be shown now and never again, and what is kept of it.

        Raises SettingsRefused for a publishable key that may do too much or is bound to no page.
        """
        origins = _checked_origins(kind, scopes, origins)
        key_id, secret = secrets.token_hex(KEY_ID_BYTES), secrets.token_urlsafe(SECRET_BYTES)
        kept = ApiKey(key_id, name, kind, tuple(scopes), tuple(origins), requests_per_minute, self._clock(), None, None)
        row = {field: getattr(kept, field) for field in FIELDS} | {"secret_digest": _digest(secret)}
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


def _checked_origins(kind: KeyKind, scopes: Sequence[Scope], origins: Sequence[str]) -> Sequence[str]:
    """As browsers send them."""
    if not scopes:
        raise SettingsRefused(f"a key needs a scope: {', '.join(SCOPES)}")
    if kind == "secret" and origins:
        raise SettingsRefused(f"a secret key must not be in a web page such as {origins[0]}; make a publishable one")
    if kind == "publishable" and not origins:
        raise SettingsRefused("a publishable key needs the origins of the web pages that may use it")
    if kind == "publishable" and (too_much := sorted(set(scopes) - set(PUBLISHABLE_SCOPES))):
        known = " and ".join(PUBLISHABLE_SCOPES)
        raise SettingsRefused(f"a publishable key may have the scopes {known} only, not {too_much[0]}")
    try:
        return tuple(dict.fromkeys(web_origin(origin) for origin in origins))
    except ValueError as error:
        raise SettingsRefused(str(error)) from None


def split_key(text: str) -> KeyParts | None:
    """The parts of a text that could be a key; None for one that could not, however long it is."""
    if len(text) > MAX_KEY_CHARACTERS or not text.isascii():
        return None
    prefix, _, rest = text.partition("_")
    key_id, _, secret = rest.partition("_")
    return KeyParts(prefix, key_id, secret) if prefix in PREFIXES.values() and key_id.isalnum() and secret else None


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(**{field: getattr(row, field) for field in FIELDS})
