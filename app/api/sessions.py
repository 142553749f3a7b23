"""`/v1/sessions/{session_id}`: guests, who have no account to be erased by."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from app.api.auth import needs
from app.api.dependencies import ShopDep
from app.api.paths import IdRoute, path_id, path_id_parameter
from app.api.problem import Problem


async def session_id(request: Request) -> str:
    """Of the path."""
    return path_id(request, "session_id")


router = APIRouter(
    prefix="/v1/sessions",
    tags=["users"],
    route_class=IdRoute,
    responses={status: {"model": Problem} for status in (422, 431, 500, 503)},
)


@router.delete(
    "/{session_id}",
    status_code=204,
    summary="Erase a guest",
    dependencies=[needs("events")],
    openapi_extra={"parameters": [path_id_parameter("session_id", "The shop's own id of a visit.")]},
)
async def erase_session(session_id: Annotated[str, Depends(session_id)], shop: ShopDep) -> None:
    """Every stored trace of the session is gone when this is answered, as with an account; what an account has of it,
    by a merge or by events of its own, is erased with the account. Erasing again, or somebody unknown, succeeds."""
    await shop.shoppers.erase_session(session_id)
