"""A short way for the requests that come most: past the framework's routing, its tree of dependencies and its check of
what is answered, which together cost twice as much as all the rest around a list.

A route declares what the contract says; where its path is named here, a function of the request answers instead, by
the same checks in the same order.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.errors import answer_error
from app.api.problem import RequestError
from models.domain.errors import InputError, ServiceError

Answers: TypeAlias = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class DirectRoute:
    """One path and what answers a POST to it; named as the declared route, for logs, metrics and traces."""

    path: str
    name: str
    answers: Answers


class DirectRoutes:
    """Pure ASGI middleware, the innermost: everything else goes on to the framework."""

    def __init__(self, app: ASGIApp, routes: Mapping[str, DirectRoute]) -> None:
        """`routes`: by path."""
        self._app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        route = self.route_of(scope)
        if route is None:
            await self._app(scope, receive, send)
            return
        scope["route"] = route
        request = Request(scope, receive, send)
        try:
            response = await route.answers(request)
        except (RequestError, InputError, ServiceError, HTTPException, ClientDisconnect) as error:
            response = await answer_error(request, error)
        await response(scope, receive, send)

    def route_of(self, scope: Scope) -> DirectRoute | None:
        """The one that answers, if one does."""
        return self._routes.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
