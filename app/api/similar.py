"""`GET /v1/items/{item_id}/similar`: the nearest real items to a real item."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from pydantic import Field

from app.api.answering import meta_of
from app.api.asking import AskingDep
from app.api.auth import needs
from app.api.dependencies import TIMEOUT_PARAMETER
from app.api.fields import refused, rule_problem
from app.api.list_answer import AnsweredItem, RecommendationAnswer, Retrieval
from app.api.list_request import DEFAULT_K, MAX_PROPERTIES, Shopper
from app.api.made import answered_items
from app.api.parts import Id, RequestPart
from app.api.paths import IdRoute, path_id, path_id_parameter
from app.api.problem import Problem
from app.api.query import query_of, query_parameters
from app.api.readable import refuse_unknown_properties, refuse_unreadable_rules
from app.api.rules import FilterDocument
from app.api.served import keep
from app.runtime.recommendation_id import new_recommendation_id
from models.domain.errors import RuleRefused
from models.domain.filter import parse_filter
from models.domain.recommendation import MAX_K, Recommendation, SimilarRequest

MAX_EXCLUDED: Final = 100
"""All of a request's head has to fit into 64 KiB."""
SEED: Final = 0
"""Nothing is drawn for these lists."""


async def item_id(request: Request) -> str:
    """Of the path."""
    return path_id(request, "item_id")


ItemIdDep = Annotated[str, Depends(item_id)]

router = APIRouter(
    prefix="/v1/items",
    tags=["recommendations"],
    route_class=IdRoute,
    dependencies=[needs("recommend", publishable=True)],
)


class SimilarQuery(RequestPart):
    """How the list is wanted."""

    k: int = Field(default=DEFAULT_K, ge=1, le=MAX_K)
    """Length of the list."""
    filter: FilterDocument | None = None
    """As in `POST /v1/recommendations`, as JSON."""
    exclude_item_ids: list[Id] = Field(default=[], max_length=MAX_EXCLUDED)
    """Given once for each item."""
    include_out_of_stock: bool = False
    """True: items whose `in_stock` is false are listed too."""
    return_properties: list[str] = Field(default=[], max_length=MAX_PROPERTIES)
    """Catalogue columns to return with each item; given once for each column."""


@router.get(
    "/{item_id}/similar",
    summary="The nearest items to an item",
    response_model_exclude_unset=True,
    responses={status: {"model": Problem} for status in (404, 422, 431, 500, 503, 504)},
    openapi_extra={
        "parameters": [
            path_id_parameter("item_id", "An item of the catalogue."),
            *query_parameters(SimilarQuery),
            TIMEOUT_PARAMETER,
        ]
    },
)
async def similar(
    item_id: ItemIdDep, asking: AskingDep, query: Annotated[SimilarQuery, Depends(query_of(SimilarQuery))]
) -> RecommendationAnswer:
    """By what they are and by who chose them together; every item is asked. The same for every shopper."""
    model, asked_at = asking.loaded.model, asking.shop.store.clock()
    refuse_unknown_properties(asking, query.return_properties, at="query:return_properties")
    request = SimilarRequest(
        item_id=item_id,
        k=query.k,
        exclude_item_ids=query.exclude_item_ids,
        filter=None if query.filter is None else parse_filter(query.filter),
        include_out_of_stock=query.include_out_of_stock,
    )
    refuse_unreadable_rules(asking, request.filter, at="query:")

    def work() -> tuple[Recommendation, list[AnsweredItem]]:
        try:
            found = model.similar(request)
        except RuleRefused as refusal:
            raise refused([rule_problem(refusal, at="query:")]) from None
        names, rows = query.return_properties, [item.item_row for item in found.items]
        properties = model.properties_of(rows, names) if names else None
        return found, answered_items(list(enumerate(found.items, 1)), properties)

    found, items = await asking.live.workers.run(work, deadline=asking.deadline)
    answer = RecommendationAnswer(
        recommendation_id=new_recommendation_id(),
        items=items,
        next_cursor=None,
        fallback=found.fallback,
        warnings=list(found.warnings),
        retrieval=Retrieval.of(found, query.k),
        meta=meta_of(asking, model.model_version, found.index_version, seed=SEED),
    )
    said = {**query.model_dump(mode="json", exclude_defaults=True), "similar_to": item_id, "history": []}
    asking.live.metrics.call_answered(1)
    asking.live.metrics.lists_answered([found])
    keep(asking, answer, found.items, asked_at=asked_at, user=Shopper(), request=said)
    return answer
