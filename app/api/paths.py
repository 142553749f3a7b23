"""Ids in paths. An id may hold a slash, which comes as `%2F`; the server hands paths on decoded, where it would
look like one more step."""

from typing import Any, Final
from urllib.parse import unquote

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope

from app.api.fields import refused
from app.api.parts import usable
from app.api.problem import FieldProblem
from models.domain.recommendation import MAX_ID_CHARACTERS

SLASH_OF_AN_ID: Final = "\ud800"
"""Stands for it while the path is matched: half a surrogate pair, which no decoding brings about."""


class IdRoute(APIRoute):
    """A route whose path names ids: `APIRouter(route_class=IdRoute)`. `path_id` reads them."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Called by the router, with each path."""
        if scope["type"] != "http" or b"%" not in scope.get("raw_path", b""):
            return super().matches(scope)
        match, found = super().matches({**scope, "path": _decoded_step_by_step(scope["raw_path"])})
        if "path_params" in found:
            found["path_params"] = {
                name: value.replace(SLASH_OF_AN_ID, "/") for name, value in found["path_params"].items()
            }
        return match, found


def path_id(request: Request, name: str) -> str:
    """The id that the path has at `{name}`; 422 where it is none."""
    found: str = request.path_params[name]
    if len(found) > MAX_ID_CHARACTERS:
        detail = f"has {len(found)} characters, the limit is {MAX_ID_CHARACTERS}"
    else:
        try:
            return usable(found)
        except ValueError as error:
            detail = str(error)
    raise refused([FieldProblem(pointer=f"path:{name}", detail=detail)])


def path_id_parameter(name: str, meaning: str) -> dict[str, Any]:
    """How the contract describes it."""
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": f"{meaning} A slash in it is sent as `%2F`.",
        "schema": {"type": "string", "minLength": 1, "maxLength": MAX_ID_CHARACTERS},
    }


def _decoded_step_by_step(raw_path: bytes) -> str:
    # what is no UTF-8 becomes surrogates, which `path_id` refuses: replaced, two different ids would be one
    steps = (unquote(step, errors="surrogateescape") for step in raw_path.decode("latin-1").split("/"))
    return "/".join(step.replace("/", SLASH_OF_AN_ID) for step in steps)
