"""`POST /v1/search`: what a text finds, ranked by the text and by what the shopper did."""

from typing import Annotated

from fastapi import APIRouter, Depends

from app.api import MAX_BODY_BYTES
from app.api.answering import answer_list
from app.api.asking import AskingDep
from app.api.auth import needs
from app.api.body import json_body, request_body
from app.api.dependencies import TIMEOUT_PARAMETER, room_for_lists
from app.api.list_answer import RecommendationAnswer
from app.api.list_request import SearchBody
from app.api.problem import Problem

BodyDep = Annotated[SearchBody, Depends(json_body(SearchBody, max_bytes=MAX_BODY_BYTES))]

router = APIRouter(prefix="/v1", tags=["search"], dependencies=[needs("recommend", publishable=True)])


@router.post(
    "/search",
    summary="Find products by text, ranked for a shopper",
    response_model_exclude_unset=True,
    responses={status: {"model": Problem} for status in (400, 408, 413, 415, 422, 431, 500, 503, 504)},
    openapi_extra={"requestBody": request_body(SearchBody), "parameters": [TIMEOUT_PARAMETER]},
    dependencies=[Depends(room_for_lists)],
)
async def search(asking: AskingDep, body: BodyDep) -> RecommendationAnswer:
    """Items that have the words of the query, then those that mean something like it, 500 at most; nothing else fills
    the list up. With `candidates`, what another search engine found is ranked again.

    The first search after a start may wait for the text encoder; every other answer goes on meanwhile.
    """
    return await answer_list(asking, body)
