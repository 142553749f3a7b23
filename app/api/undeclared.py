"""What a request says beside its body, and its route does not declare, is refused: nothing is ignored silently."""

from collections.abc import Collection
from typing import Any, Final

from fastapi import Request

from app.api import MAX_ERRORS
from app.api.dependencies import TIMEOUT_HEADER, deadline
from app.api.fields import refused
from app.api.problem import FieldProblem, Problem

MAX_NAME_CHARACTERS: Final = 80
NO_TIME_LIMIT: Final = "this request takes no time limit: what it does is done whole"
MAY_BEFALL_ALL: Final[dict[int | str, dict[str, Any]]] = {status: {"model": Problem} for status in (431, 500)}
"""What any route may answer."""
REFUSALS: Final = {422: {"model": Problem}, **MAY_BEFALL_ALL}
"""What any may answer that refuses what it does not declare."""


async def refuse_undeclared(request: Request) -> None:
    """A dependency. Raises the 422 for what the request's route does not declare."""
    declared = (getattr(request.scope["route"], "openapi_extra", None) or {}).get("parameters", ())
    await refuse_all_but(
        request,
        {parameter["name"] for parameter in declared if parameter["in"] == "query"},
        takes_time_limit=any(parameter["name"] == TIMEOUT_HEADER for parameter in declared),
    )


async def refuse_all_but(request: Request, known: Collection[str] = (), *, takes_time_limit: bool) -> None:
    """Raises the 422 for parameters behind the question mark that are none of the known ones, and for a time limit that
    is none, or where none is kept."""
    unknown = f"is not a known parameter; known: {', '.join(sorted(known)) or 'none'}"
    problems = [
        FieldProblem(pointer=f"query:{name[:MAX_NAME_CHARACTERS]}", detail=unknown)
        for name in (request.query_params if request.scope["query_string"] else ())
        if name not in known
    ]
    if problems:
        raise refused(problems[:MAX_ERRORS], num_found=len(problems))
    if TIMEOUT_HEADER in request.headers:
        await deadline(request)
        if not takes_time_limit:
            raise refused([FieldProblem(pointer=f"header:{TIMEOUT_HEADER}", detail=NO_TIME_LIMIT)])
