"""`POST /v1/recommendations`: a history in, products out."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.api import MAX_BODY_BYTES
from app.api.answering import answer_list
from app.api.asking import AskingDep, asking_of
from app.api.auth import RequireScope, needs
from app.api.body import json_body, read_json, request_body
from app.api.dependencies import TIMEOUT_PARAMETER, room_for_lists
from app.api.direct_route import DirectRoute
from app.api.list_answer import RecommendationAnswer
from app.api.list_request import RecommendationBody
from app.api.problem import Problem
from app.api.undeclared import refuse_all_but

MAY_ASK: Final = RequireScope("recommend", publishable=True)
BodyDep = Annotated[RecommendationBody, Depends(json_body(RecommendationBody, max_bytes=MAX_BODY_BYTES))]


router = APIRouter(prefix="/v1", tags=["recommendations"], dependencies=[needs("recommend", publishable=True)])


@router.post(
    "/recommendations",
    summary="Recommend products for a history",
    response_model_exclude_unset=True,
    responses={status: {"model": Problem} for status in (400, 408, 413, 415, 422, 431, 500, 503, 504)},
    openapi_extra={"requestBody": request_body(RecommendationBody), "parameters": [TIMEOUT_PARAMETER]},
    dependencies=[Depends(room_for_lists)],
)
async def recommend(asking: AskingDep, body: BodyDep) -> RecommendationAnswer:
    """The same request with the same seed, model, index and history gives the same items in the same order.

    Without `history`, the stored events of `user` are it. An item that nobody knows is skipped with a warning. An empty
    history and a shopper without one get popular items.
    """
    return await answer_list(asking, body)


async def answer_directly(request: Request) -> Response:
    """What `recommend` answers, and refuses in the same order."""
    await refuse_all_but(request, takes_time_limit=True)
    await MAY_ASK(request)
    await room_for_lists(request)
    asking = await asking_of(request)
    body, _ = await read_json(request, RecommendationBody, max_bytes=MAX_BODY_BYTES)
    answer = await answer_list(asking, body)
    return Response(answer.model_dump_json(exclude_unset=True), media_type="application/json")


DIRECT: Final = DirectRoute("/v1/recommendations", recommend.__name__, answer_directly)
