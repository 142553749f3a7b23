"""Who asks, and what that caller may do: the part of access that routes see.

A route or router says what it takes, `dependencies=[needs("catalogue")]`, and gets the caller where it wants it,
`caller: CallerDep`. Publishable keys are refused unless the route lets them in: `needs("recommend", publishable=True)`.
Scopes imply nothing: `admin` alone may not read a catalogue.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from fastapi import Depends, Request, Security
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase

from app.api.problem import RequestError
from app.store.key_ring import PUBLISHABLE_SCOPES, SCOPES, ApiKey, KeyKind, Scope

REALM: Final = 'realm="figment"'
BEARER: Final = "bearer"
"""The name of `Authorization: Bearer` among the contract's security schemes."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks."""

    key_id: str | None
    """The part of the key that is no secret; None where no key is needed and none was sent."""
    kind: KeyKind | Literal["anonymous"]
    scopes: frozenset[Scope]
    attributes: frozenset[str] | None = None
    """Of the catalogue, those that may be read beside the id: returned, or asked about by a rule. None: all."""

    @property
    def may_read_outcomes(self) -> bool:
        """Whether what came of the lists, revenue among it, may be told to this caller."""
        return "admin" in self.scopes

    @property
    def may_read_stored(self) -> bool:
        """Whether what is stored about a shopper may be read for this caller, or shape its answers.

        A publishable key is in everyone's hands, so any user id or session id may be put beside it.
        """
        return self.kind != "publishable"


ANONYMOUS: Final = Caller(key_id=None, kind="anonymous", scopes=frozenset(SCOPES))
"""Where no key was ever made."""


def caller_with(key: ApiKey, public_attributes: frozenset[str]) -> Caller:
    """Who presents the key. `public_attributes`: what everyone who looks at a page may read of the catalogue."""
    scopes = frozenset(key.scopes)
    if key.kind == "secret":
        return Caller(key.key_id, key.kind, scopes)
    return Caller(key.key_id, key.kind, scopes & set(PUBLISHABLE_SCOPES), public_attributes)


def forbidden(detail: str, scope: Scope | None = None) -> RequestError:
    """The 403: a key was sent and is right, but it takes another one, such as one with this scope."""
    challenge = f'Bearer {REALM}, error="insufficient_scope"' + (f', scope="{scope}"' if scope else "")
    return RequestError(403, detail, headers={"WWW-Authenticate": challenge})


class RequireScope(SecurityBase):
    """A dependency: the caller, who has the scope. Answers 403 to others; without a scope any secret key will do."""

    def __init__(self, scope: Scope | None = None, *, publishable: bool = False) -> None:
        if publishable and scope not in PUBLISHABLE_SCOPES:
            raise ValueError(f"publishable keys never have the scope {scope}")
        self.scope = scope
        self.publishable = publishable
        self.scheme_name = BEARER
        self.model = HTTPBearer()

    async def __call__(self, request: Request) -> Caller:
        """Called by FastAPI before it looks at parameters or body."""
        caller: Caller = request.state.caller
        if caller.kind == "publishable" and not self.publishable:
            raise forbidden("a publishable key may not do this; it takes a secret one")
        if self.scope is not None and self.scope not in caller.scopes:
            raise forbidden(f"the API key lacks the scope {self.scope}", self.scope)
        return caller


def needs(scope: Scope | None = None, *, publishable: bool = False) -> Any:
    """For `dependencies` of a router or route: see `RequireScope`."""
    return Security(RequireScope(scope, publishable=publishable), scopes=[scope] if scope else [])


async def present_caller(request: Request) -> Caller:
    """Who asks, as found before routing."""
    caller: Caller = request.state.caller
    return caller


CallerDep = Annotated[Caller, Depends(present_caller)]
