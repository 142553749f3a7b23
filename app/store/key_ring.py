"""What a key is and how it is recognised, without a database.

A key is 256 random bits, so it cannot be guessed from its digest however fast that is computed, and SHA-256 is
enough. Slow hashes with a salt (bcrypt, Argon2) are for passwords, which people choose from few; here they would
only cost every request milliseconds.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal, NamedTuple, get_args

KeyKind = Literal["secret", "publishable"]
Scope = Literal["recommend", "catalogue", "events", "studio", "admin"]

SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
PUBLISHABLE_SCOPES: Final[tuple[Scope, ...]] = ("recommend", "events")
"""A publishable key can be read by everyone who looks at the page."""
PREFIXES: Final[dict[KeyKind, str]] = {"secret": "figsk", "publishable": "figpk"}
"""So that people and scanners for leaked secrets know at sight what they found."""
KEY_LIKE: Final = re.compile(rf"({'|'.join(PREFIXES.values())})_", re.IGNORECASE)
"""Where this is found, there may be a key."""
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
        right = hmac.compare_digest(digest, digest_of(parts.secret))
        if key is None or not right or key.revoked_at is not None or PREFIXES[key.kind] != parts.prefix:
            return None
        return key

    def get(self, key_id: str) -> ApiKey | None:
        """By the part that is no secret."""
        key, _ = self._keys.get(key_id, (None, NO_DIGEST))
        return key


def split_key(text: str) -> KeyParts | None:
    """The parts of a text that could be a key; None for one that could not, however long it is."""
    if len(text) > MAX_KEY_CHARACTERS or not text.isascii():
        return None
    prefix, _, rest = text.partition("_")
    key_id, _, secret = rest.partition("_")
    return KeyParts(prefix, key_id, secret) if prefix in PREFIXES.values() and key_id.isalnum() and secret else None


def digest_of(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()
