"""Which web pages may read answers: those of the setting, and those that a publishable key names."""

from collections.abc import Collection
from typing import Final

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.dependencies import TIMEOUT_HEADER
from app.api.presented_key import KEY_HEADER
from app.runtime.known_keys import KnownKeys

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
REQUEST_HEADERS: Final = (
    "Authorization", "Content-Type", "Idempotency-Key", KEY_HEADER, "X-Request-Id", TIMEOUT_HEADER, "traceparent",
)  # fmt: skip
ANSWER_HEADERS: Final = ("RateLimit", "RateLimit-Policy", "Retry-After", "WWW-Authenticate", "X-Request-Id")


class Cors(CORSMiddleware):
    """Off until some origin is named. A preflight carries no key, so it is answered for every page that any key names;
    which key may be used from which page is checked with the request itself."""

    def __init__(self, app: ASGIApp, *, keys: KnownKeys, origins: Collection[str]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=METHODS,
            allow_headers=REQUEST_HEADERS,
            expose_headers=ANSWER_HEADERS,
        )
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if self.allow_origins or self._keys.origins:
            await super().__call__(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def is_allowed_origin(self, origin: str) -> bool:
        """Called for preflights and for answers."""
        return origin in self.allow_origins or origin in self._keys.origins
