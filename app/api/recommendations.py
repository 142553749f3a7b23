"""`POST /v1/recommendations`: a history in, products out."""

from typing import Annotated

from fastapi import APIRouter, Depends

from app.api import MAX_BODY_BYTES
from app.api.answering import answer_list
from app.api.asking import AskingDep
from app.api.auth import needs
from app.api.body import json_body, request_body
from app.api.dependencies import TIMEOUT_PARAMETER
from app.api.list_answer import RecommendationAnswer
from app.api.list_request import RecommendationBody
from app.api.problem import Problem

BodyDep = Annotated[RecommendationBody, Depends(json_body(RecommendationBody, max_bytes=MAX_BODY_BYTES))]

router = APIRouter(prefix="/v1", tags=["recommendations"], dependencies=[needs("recommend", publishable=True)])


@router.post(
    "/recommendations",
    summary="Recommend products for a history",
    response_model_exclude_unset=True,
    responses={status: {"model": Problem} for status in (400, 408, 413, 415, 422, 431, 500, 503, 504)},
    openapi_extra={"requestBody": request_body(RecommendationBody), "parameters": [TIMEOUT_PARAMETER]},
)
async def recommend(asking: AskingDep, body: BodyDep) -> RecommendationAnswer:
    """The same request with the same seed, model, index and history gives the same items in the same order.

    Without `history`, the stored events of `user` are it. An item that nobody knows is skipped with a warning. An empty
    history and a shopper without one get popular items.
    """
    return await answer_list(asking, body)
