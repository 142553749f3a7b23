"""`/v1/users/{user_id}`: lists for a shopper whose events are stored, and what is stored about one."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from pydantic import Field
from starlette.exceptions import HTTPException

from app.api import MAX_BODY_BYTES
from app.api.answering import answer_list
from app.api.asking import AskingDep
from app.api.auth import needs
from app.api.body import json_body, request_body
from app.api.dependencies import TIMEOUT_PARAMETER, ShopDep
from app.api.list_answer import RecommendationAnswer
from app.api.list_request import RecommendationBody, Shopper
from app.api.parts import AnswerPart, Id, RequestPart
from app.api.paths import IdRoute, path_id, path_id_parameter
from app.api.problem import Problem
from app.api.query import PageQuery, query_of, query_parameters
from app.api.shop_event import StoredEvent
from models.domain.recommendation import MAX_K

USER_ID: Final = path_id_parameter("user_id", "The shop's own id of an account.")


async def user_id(request: Request) -> str:
    """Of the path."""
    return path_id(request, "user_id")


UserIdDep = Annotated[str, Depends(user_id)]

router = APIRouter(
    prefix="/v1/users",
    tags=["users"],
    route_class=IdRoute,
    responses={status: {"model": Problem} for status in (422, 431, 500, 503)},
)


class ListQuery(RequestPart):
    """How the list is wanted."""

    k: int = Field(default=10, ge=1, le=MAX_K)
    """Length of the list."""


@router.get(
    "/{user_id}/recommendations",
    summary="Recommend products for a shopper whose events are stored",
    response_model_exclude_unset=True,
    dependencies=[needs("recommend")],
    responses={504: {"model": Problem}},
    openapi_extra={"parameters": [USER_ID, *query_parameters(ListQuery), TIMEOUT_PARAMETER]},
)
async def recommend(
    user_id: UserIdDep, asking: AskingDep, query: Annotated[ListQuery, Depends(query_of(ListQuery))]
) -> RecommendationAnswer:
    """As `POST /v1/recommendations` with nothing but `user.user_id` and `k`. Popular items for an unknown shopper."""
    return await answer_list(asking, RecommendationBody(user=Shopper(user_id=user_id), k=query.k))


class EventsPage(AnswerPart):
    """Some of a shopper's events, newest first."""

    events: list[StoredEvent]
    next_cursor: str | None
    """Null at the end."""


@router.get(
    "/{user_id}/events",
    summary="What is stored about a shopper",
    response_model_exclude_unset=True,
    dependencies=[needs("events")],
    responses={404: {"model": Problem}},
    openapi_extra={"parameters": [USER_ID, *query_parameters(PageQuery)]},
)
async def list_events(
    user_id: UserIdDep, shop: ShopDep, query: Annotated[PageQuery, Depends(query_of(PageQuery))]
) -> EventsPage:
    """Every field as it was sent, newest first; 404 where nothing is stored."""
    page = await shop.store.events.page(user_id, query.limit, query.cursor)
    if not page.rows and query.cursor is None:
        raise HTTPException(404, "nothing is stored about this shopper")
    return EventsPage(
        events=[StoredEvent.of(event) for event in page.rows],
        next_cursor=page.next_cursor,
    )


class MergeBody(RequestPart):
    """Whose events they were until now."""

    session_id: Id
    """The guest's."""


class MergeAnswer(AnswerPart):
    """What the merge changed."""

    moved: int
    """Events that belong to the account now and did not before."""


@router.post(
    "/{user_id}:merge",
    summary="Join a guest's session to an account",
    dependencies=[needs("events")],
    responses={status: {"model": Problem} for status in (400, 408, 413, 415)},
    openapi_extra={
        "parameters": [USER_ID],
        "requestBody": request_body(MergeBody),
    },
)
async def merge(
    user_id: UserIdDep,
    shop: ShopDep,
    body: Annotated[MergeBody, Depends(json_body(MergeBody, max_bytes=MAX_BODY_BYTES))],
) -> MergeAnswer:
    """The session's events that no account has become the account's, those that arrive later too.

    Merging again moves nothing. A session that is merged into another account later: its events stay where they are.
    """
    return MergeAnswer(moved=await shop.store.events.merge(body.session_id, user_id))


@router.delete(
    "/{user_id}",
    status_code=204,
    summary="Erase a shopper",
    dependencies=[needs("events")],
    openapi_extra={"parameters": [USER_ID]},
)
async def erase(user_id: UserIdDep, shop: ShopDep) -> None:
    """Every stored trace of the account and of its sessions is gone when this is answered, from the database's files
    too where it is SQLite. Erasing again, or somebody unknown, succeeds. Sums that name nobody stay."""
    await shop.shoppers.erase(user_id)
