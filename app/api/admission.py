"""Before any route: who asks, from where, and how often. What has no key, or too many requests, goes no further."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.auth import ANONYMOUS, Caller, caller_with, forbidden
from app.api.cors import Cors
from app.api.errors import answer_error
from app.api.fields import shown
from app.api.host_name import refuse_from_elsewhere
from app.api.presented_key import KEY_HEADER, presented_key, unauthorized
from app.api.problem import RequestError
from app.api.rate_limits import counted_name, limit_headers, too_many
from app.observability.logs import get_log
from app.runtime.known_keys import KnownKeys
from app.runtime.request_counts import RequestCounts
from app.store.key_ring import ApiKey
from app.store.store import Store
from models.domain.attributes import SHOP_WINDOW
from models.domain.errors import ServiceError

PROBES: Final = frozenset({"/health/live", "/health/ready", "/health/startup"})
"""Need no key and are not counted."""
PAGES: Final = ("/", "/docs", "/openapi.json")
"""What people open in a browser, which can send a key only as a password."""
NO_KEY: Final = (
    f"an API key is needed: send Authorization: Bearer <key>, or {KEY_HEADER}: <key>; a key in the address is not read"
)

OpenTo = Literal["nobody", "this machine", "everyone"]

log = get_log(__name__)


@dataclass(frozen=True, slots=True)
class AccessRules:
    """What the operator says about access."""

    open_to: OpenTo = "this machine"
    """Whom the address lets in while no key was ever made."""
    allowed_origins: tuple[str, ...] = ()
    requests_per_minute: int | None = None
    """Of a key without a limit of its own, and of an address without a key."""
    public_attributes: frozenset[str] = frozenset(SHOP_WINDOW)
    """Of the catalogue, what publishable keys may read."""


THIS_MACHINE: Final = AccessRules()


class Access:
    """The keys and counts of a process, and what they guard."""

    def __init__(self, rules: AccessRules) -> None:
        self.rules = rules
        self.keys = KnownKeys()
        self.counts = RequestCounts()

    async def open(self, store: Store) -> None:
        """Before the first request."""
        await self.keys.open(store.keys)
        self.counts.open(store)
        if self.keys.ring.is_empty and self.rules.open_to == "everyone":
            log.warning("anyone who reaches this address may ask: there is no API key")
        if self.keys.ring.is_empty and self.rules.open_to == "nobody":
            log.warning("nobody is answered: there is no API key; make one with `figment keys create`")

    def guard(self, app: FastAPI) -> None:
        """To be called before other middleware is added, which then stands outside."""
        app.add_middleware(Admission, access=self)
        app.add_middleware(Cors, keys=self.keys, origins=self.rules.allowed_origins)


class Admission:
    """Pure ASGI middleware; `caller` is in the request's state afterwards."""

    def __init__(self, app: ASGIApp, *, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["path"] in PROBES:
            await self._app(scope, receive, send)
            return
        try:
            caller, key = await self._caller(scope)
            headers = await self._count(caller, key, scope)
        except (RequestError, ServiceError) as error:
            await (await answer_error(Request(scope), error))(scope, receive, send)
            return
        scope["state"]["caller"] = caller

        async def send_with_limits(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(headers)
            await send(message)

        await self._app(scope, receive, send_with_limits if headers else send)

    async def _caller(self, scope: Scope) -> tuple[Caller, ApiKey | None]:
        headers = Headers(scope=scope)
        basic = scope["path"] in PAGES or scope["path"].startswith("/docs/")
        presented = presented_key(headers, basic=basic)
        keys, rules = self._access.keys, self._access.rules
        if presented is None:
            if keys.ring.is_empty and rules.open_to != "nobody":
                if rules.open_to == "this machine":
                    refuse_from_elsewhere(headers)
                return ANONYMOUS, None
            raise unauthorized(NO_KEY, basic=basic)
        key = await keys.find(presented)
        if key is None:
            raise unauthorized("the API key is not known, or was revoked", basic=basic, error="invalid_token")
        if key.kind == "publishable":
            _check_origin(key, headers)
        return caller_with(key, rules.public_attributes), key

    async def _count(self, caller: Caller, key: ApiKey | None, scope: Scope) -> Mapping[str, str]:
        """Headers of the answer; none where there is no limit. Raises the 429."""
        limit = (key and key.requests_per_minute) or self._access.rules.requests_per_minute
        if limit is None:
            return {}
        address, _ = scope.get("client") or ("", 0)
        window = await self._access.counts.take(counted_name(caller, address), limit)
        if not window.taken:
            raise too_many(window)
        return limit_headers(window)


def _check_origin(key: ApiKey, headers: Headers) -> None:
    """Browsers always say which page a script that posts came from, and no script can change it."""
    origins = headers.getlist("origin")
    if len(origins) != 1 or origins[0] not in key.origins:
        where = shown(", ".join(origins)) if origins else "no page (there is no Origin header)"
        raise forbidden(f"this publishable key is for the web pages that it names, and was sent by {where}")
