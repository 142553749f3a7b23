"""`GET /v1/recommendations/{recommendation_id}/explanation`: why a list was as it was."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from starlette.exceptions import HTTPException

from app.api.answering import meta_of
from app.api.asked import request_of
from app.api.asking import Asking, AskingDep
from app.api.auth import needs
from app.api.dependencies import TIMEOUT_PARAMETER
from app.api.list_answer import FirstPlaceTold, Meta, ReasonTold
from app.api.parts import AnswerPart
from app.api.paths import IdRoute, path_id, path_id_parameter
from app.api.problem import Problem
from app.api.served import KEPT, Kept, find_kept
from models.domain.explanation import Explanation
from models.domain.recommendation import MAX_K

router = APIRouter(
    prefix="/v1/recommendations",
    tags=["recommendations"],
    route_class=IdRoute,
    dependencies=[needs("recommend")],
)

MINUTES_KEPT: Final = int(KEPT.total_seconds() / 60)


async def recommendation_id(request: Request) -> str:
    """Of the path."""
    return path_id(request, "recommendation_id")


RecommendationIdDep = Annotated[str, Depends(recommendation_id)]


class ExplainedPlace(AnswerPart):
    """One item of the list."""

    item_id: str
    rank: int
    score: float
    """As it was answered."""
    reasons: list[ReasonTold]
    """One for each event of the history that counts, the strongest first; empty where nothing is personal."""
    nearest_bought: str | None
    """Of what the shopper bought, else put in the cart, clicked or viewed, the most alike."""
    sources: list[str]
    """Who proposed it: `generator`, `neighbours`, both, `history` or `popularity`."""


class ExplanationAnswer(AnswerPart):
    """Of a list that was served."""

    recommendation_id: str
    personal: bool
    """Whether a history had a part in the list."""
    summary: str
    """In a sentence."""
    items: list[ExplainedPlace]
    """The first hundred at most. Items that the catalogue has no more are left out."""
    first_place: FirstPlaceTold | None
    """Null where nothing is personal, and of a search, whose first place is up to the words."""
    warnings: list[str]
    meta: Meta
    """Of the explanation; `seed` is the list's. What another model or index answered is explained by those of now, and
    a warning says so."""


@router.get(
    "/{recommendation_id}/explanation",
    summary="Why a list was as it was",
    responses={status: {"model": Problem} for status in (404, 422, 431, 500, 503, 504)},
    openapi_extra={
        "parameters": [
            path_id_parameter("recommendation_id", f"Of a list that was served in the last {MINUTES_KEPT} minutes."),
            TIMEOUT_PARAMETER,
        ]
    },
)
async def explanation(recommendation_id: RecommendationIdDep, asking: AskingDep) -> ExplanationAnswer:
    """Each event of the history is left out in turn; by how much an item's score falls is what the event did for it.

    404 for a list that is not known, was served more than an hour ago, or to another key.
    """
    kept = await find_kept(asking, recommendation_id)
    if kept is None:
        raise HTTPException(404, f"no list {recommendation_id!r} of this key's last {MINUTES_KEPT} minutes")
    model, listed = asking.loaded.model, kept.served.items[:MAX_K]
    if kept.similar_to is not None:
        return _answer(asking, kept, None, f"Nothing personal: these items are like {kept.similar_to!r}.")
    request = request_of(kept.body, kept.history, kept.seed)
    full = not kept.is_search
    found = await asking.live.workers.run(
        lambda: model.explain(request, [item["item_id"] for item in listed], full=full), deadline=asking.deadline
    )
    return _answer(asking, kept, found, _summary(kept, found, model.serves))


def _summary(kept: Kept, found: Explanation, serves: str) -> str:
    if not kept.is_personal:
        return "Nothing personal to explain: the shopper wants nothing personal, so popular items were listed."
    if serves == "popularity" and not kept.is_search:
        return "Nothing personal to explain: everybody is listed what is popular, which is what this service serves."
    if not found.is_personal:
        by = "the words of the query decided" if kept.is_search else "popular items were listed"
        return f"Nothing personal to explain: there was no usable history, so {by}."
    if kept.is_search:
        return "The query found these items; the reasons tell what the history added to each."
    return "The reasons tell by how much each item's score would be lower without an event of the history."


def _answer(asking: Asking, kept: Kept, found: Explanation | None, summary: str) -> ExplanationAnswer:
    model, served = asking.loaded.model, kept.served
    explained = {} if found is None else {item.item_id: item for item in found.items}
    places = [
        ExplainedPlace(
            item_id=item["item_id"],
            rank=rank,
            score=item["score"],
            reasons=[ReasonTold.of(reason) for reason in explained[item["item_id"]].reasons] if explained else [],
            nearest_bought=explained[item["item_id"]].nearest_bought if explained else None,
            sources=list(explained[item["item_id"]].sources) if explained else [],
        )
        for rank, item in enumerate(served.items[:MAX_K], 1)
        if found is None or item["item_id"] in explained
    ]
    return ExplanationAnswer(
        recommendation_id=served.recommendation_id,
        personal=any(place.reasons for place in places),
        summary=summary,
        items=places,
        first_place=FirstPlaceTold.of(found),
        warnings=_warnings(asking, kept),
        meta=meta_of(asking, model.model_version, model.index_version, seed=kept.seed),
    )


def _warnings(asking: Asking, kept: Kept) -> list[str]:
    model, served = asking.loaded.model, kept.served
    if (served.model_version, served.index_version) == (model.model_version, model.index_version):
        return []
    return [f"the list was made by model {served.model_version} and index {served.index_version}"]
