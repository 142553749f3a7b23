"""`POST /v1/recommendations`: a history in, products out."""

import secrets
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends
from pydantic import Field, model_validator

from app.api import MAX_BODY_BYTES, MAX_ERRORS
from app.api.asking import Asking, AskingDep
from app.api.auth import needs
from app.api.body import json_body
from app.api.dependencies import MAX_TIMEOUT_MS, TIMEOUT_HEADER
from app.api.fields import refused
from app.api.parts import AnswerPart, Id, RequestPart, Timestamp
from app.api.problem import FieldProblem, Problem
from app.runtime.attribution import variant_label
from app.runtime.experiments import Variant
from app.runtime.live_model import ServedModel
from app.runtime.recommendation_id import new_recommendation_id
from app.runtime.served_lists import arm_of
from app.store.lists import ServedList
from models.domain.errors import UnknownName
from models.domain.events import EventType, HistoryEvent
from models.domain.recommendation import (
    MAX_EXCLUDED_ITEMS,
    MAX_HISTORY_EVENTS,
    MAX_ID_CHARACTERS,
    MAX_K,
    MAX_SAMPLES,
    Fallback,
    Recommendation,
    RecommendationRequest,
    RecommendedItem,
)

MAX_SEED: Final = 2**63 - 1
MAX_DRAWN_SEED: Final = 2**53 - 1
"""A drawn seed is echoed; JavaScript reads larger numbers wrongly and could not send it back."""
MAX_PROPERTIES: Final = 100

TIMEOUT_PARAMETER: Final[dict[str, Any]] = {
    "name": TIMEOUT_HEADER,
    "in": "header",
    "required": False,
    "description": "Milliseconds after which the caller has no use for the answer; 504 then.",
    "schema": {"type": "integer", "minimum": 1, "maximum": MAX_TIMEOUT_MS},
}

router = APIRouter(prefix="/v1", tags=["recommendations"], dependencies=[needs("recommend", publishable=True)])


class Shopper(RequestPart):
    """Who asks."""

    user_id: Id | None = None
    """The shop's own id of a known shopper."""
    session_id: Id | None = None
    """The shop's own id of a visit, for guests."""
    personalise: bool = True
    """False: nothing of this shopper is read or stored, the history neither; popular items come back."""


class PostedEvent(RequestPart):
    """Something that the shopper did."""

    item_id: Id
    event_type: EventType = "purchase"
    """Impressions and dislikes are accepted, but are no history."""
    timestamp: Timestamp | None = None
    """ISO 8601 with zone. Events are read by time; as posted, oldest first, where any has none."""


class Exclusions(RequestPart):
    """What must not be in the list."""

    item_ids: list[Id] = Field(default=[], max_length=MAX_EXCLUDED_ITEMS)
    seen: bool | None = None
    """Items of the history. Unset: the model decides by the share of repeat purchases that it was trained on."""


class Experiment(RequestPart):
    """Which of several ways of making lists is used."""

    experiment_id: Id
    variant_id: Id | None = None
    """Unset: drawn, and always the same for one shopper; echoed in `meta`."""


class RecommendationBody(RequestPart):
    """`history` or `user.user_id` or `user.session_id` is required, unless `user.personalise` is false.

    Everything else has a default, and null means the default.
    """

    user: Shopper = Shopper()
    history: list[PostedEvent] | None = Field(default=None, max_length=MAX_HISTORY_EVENTS)
    """What the shopper did. Unset: the newest stored events of the account, of the session, or of both."""
    k: int = Field(default=10, ge=1, le=MAX_K)
    """Length of the list."""
    exclude: Exclusions = Exclusions()
    exploration: float = Field(default=0.0, ge=0, le=1)
    """Scales the generator's noise: 0 is the single best guess."""
    num_samples: int = Field(default=1, ge=1, le=MAX_SAMPLES)
    """Generated wishes whose neighbours are merged."""
    seed: int | None = Field(default=None, ge=0, le=MAX_SEED)
    """Of the noise. Unset: drawn, and echoed in `meta`."""
    return_properties: list[str] | None = Field(default=None, max_length=MAX_PROPERTIES)
    """Catalogue columns to return with each item, such as `title`. Unset: ids and scores only."""
    experiment: Experiment | None = None
    """What comes of the list is counted for its variant."""

    @model_validator(mode="after")
    def _names_a_shopper(self) -> "RecommendationBody":
        names_one = self.history is not None or self.user.user_id is not None or self.user.session_id is not None
        if self.user.personalise and not names_one:
            raise ValueError("needs history or user.user_id or user.session_id, or user.personalise false")
        return self


class AnsweredItem(AnswerPart):
    """One place of the list."""

    item_id: str
    rank: int
    """From 1."""
    score: float
    """In [0, 1]; comparable within one answer."""
    properties: dict[str, Any] = Field(default={})
    """Only where `return_properties` asked for some."""


class Retrieval(AnswerPart):
    """How the list came about."""

    strategy: Literal["ann", "popularity"]
    candidates_scanned: int
    under_filled: bool
    """Fewer than `k` items were left after the exclusions."""
    sources: dict[str, float]
    """Share of the listed items that each source proposed: `generator`, `neighbours`, `history` (taken before, and
    neither of them proposes it) and `popularity`."""


class Meta(AnswerPart):
    """About the answer, not part of it: two equal requests may differ here."""

    request_id: str
    model_version: str
    index_version: str
    """The model's, with the revision of the catalogue's changes that are in it; a second number, where there is one, is
    the revision up to which new and changed content is in it."""
    index_age_seconds: int
    """Since the newest change of the catalogue that is in it; since the model was made, before the first."""
    seed: int
    variant_id: str | None
    took_ms: float


class RecommendationAnswer(AnswerPart):
    """Products, best first."""

    recommendation_id: str
    """Sorts by time."""
    items: list[AnsweredItem]
    next_cursor: str | None
    fallback: Fallback
    """`popularity`: there was no usable history, so popular items are listed."""
    warnings: list[str]
    retrieval: Retrieval
    meta: Meta


BodyDep = Annotated[RecommendationBody, Depends(json_body(RecommendationBody, max_bytes=MAX_BODY_BYTES))]


@router.post(
    "/recommendations",
    summary="Recommend products for a history",
    response_model_exclude_unset=True,
    responses={status: {"model": Problem} for status in (400, 408, 413, 415, 422, 431, 500, 503, 504)},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/RecommendationBody"}}},
        },
        "parameters": [TIMEOUT_PARAMETER],
    },
)
async def recommend(asking: AskingDep, body: BodyDep) -> RecommendationAnswer:
    """The same request with the same seed, model, index and history gives the same items in the same order.

    Without `history`, the stored events of `user` are it. An item that nobody knows is skipped with a warning. An empty
    history and a shopper without one get popular items.
    """
    return await answer_list(asking, body)


async def answer_list(asking: Asking, body: RecommendationBody) -> RecommendationAnswer:
    """The list, whichever path the question came by."""
    model, index = asking.loaded.model, asking.loaded.index
    asked_at = asking.shop.store.clock()  # before anything stored is read
    _refuse_unknown_properties(model, body.return_properties or ())
    seed = secrets.randbelow(MAX_DRAWN_SEED + 1) if body.seed is None else body.seed
    variant = _variant(asking, body, seed)
    body = body.model_copy(update=dict(variant.overrides)) if variant else body
    history = await _history(asking, body)
    question = to_question(body, history, seed)

    def work() -> tuple[Recommendation, list[AnsweredItem]]:
        answer = model.recommend([question])[0]
        return answer, _answered_items(model, answer.items, body.return_properties)

    answer, items = await asking.live.workers.run(work, deadline=asking.deadline)
    told = RecommendationAnswer(
        recommendation_id=new_recommendation_id(),
        items=items,
        next_cursor=None,
        fallback=answer.fallback,
        warnings=list(answer.warnings),
        retrieval=_retrieval(answer),
        meta=Meta(
            request_id=asking.request.state.request_id,
            model_version=model.model_version,
            index_version=index.index_version,
            index_age_seconds=index.age_seconds,
            seed=seed,
            variant_id=variant.variant_id if variant else None,
            took_ms=round((time.perf_counter() - asking.request.state.started) * 1000, 2),
        ),
    )
    served = _served(asking, body, history, told, asked_at)
    asking.shop.served_lists.record(served)
    asking.live.metrics.lists_answered([answer], variant_label(arm_of(served)))
    return told


def _variant(asking: Asking, body: RecommendationBody, seed: int) -> Variant | None:
    """By account, else by session, else by seed, as also where nothing of the shopper may be read."""
    if body.experiment is None:
        return None
    user = body.user if body.user.personalise else Shopper()
    unit = (
        f"user {user.user_id}" if user.user_id else f"session {user.session_id}" if user.session_id else f"seed {seed}"
    )
    try:
        return asking.shop.experiments.variant(body.experiment.experiment_id, body.experiment.variant_id, unit)
    except UnknownName as error:
        raise refused([FieldProblem(pointer="/experiment/variant_id", detail=str(error))]) from None


def _served(
    asking: Asking,
    body: RecommendationBody,
    history: Sequence[HistoryEvent],
    told: RecommendationAnswer,
    asked_at: datetime,
) -> ServedList:
    """What is kept of an answer; of a shopper who wants nothing personal, nothing that is about the shopper."""
    user = body.user if body.user.personalise else Shopper()
    not_kept = {"user", "history", "experiment", *(() if body.user.personalise else ("exclude",))}
    request = body.model_dump(mode="json", exclude=not_kept, exclude_defaults=True)
    used = [[event.item_id, event.event_type, event.timestamp_seconds] for event in history]
    experiment_id = body.experiment.experiment_id if body.experiment else ""
    variant_id = told.meta.variant_id or ""
    is_counted = bool(body.experiment) and asking.shop.experiments.is_counted(experiment_id, variant_id)
    return ServedList(
        recommendation_id=told.recommendation_id,
        request={**request, "seed": told.meta.seed, "history": used},
        items=[{"item_id": item.item_id, "score": item.score} for item in told.items],
        model_version=told.meta.model_version,
        index_version=told.meta.index_version,
        created_at=asked_at,
        expires_at=asked_at + asking.shop.served_lists.kept,
        key_id=asking.key_id,
        user_id=user.user_id,
        session_id=user.session_id,
        experiment_id=experiment_id if is_counted else None,
        variant_id=variant_id if is_counted else None,
    )


async def _history(asking: Asking, body: RecommendationBody) -> Sequence[HistoryEvent]:
    """What was posted, else what is stored; nothing where the shopper, or the key, does not allow it."""
    if not body.user.personalise:
        return ()
    if body.history is not None:
        return [
            HistoryEvent(event.item_id, event.event_type, event.timestamp.timestamp() if event.timestamp else None)
            for event in body.history
        ]
    if not asking.may_read_stored:
        return ()
    return await asking.shop.shoppers.history(body.user.user_id, body.user.session_id, asking.deadline)


def to_question(body: RecommendationBody, history: Sequence[HistoryEvent], seed: int) -> RecommendationRequest:
    """The recommender's request."""
    return RecommendationRequest(
        history=history,
        k=body.k,
        exclude_item_ids=body.exclude.item_ids,
        exclude_seen=body.exclude.seen,
        exploration=body.exploration,
        num_samples=body.num_samples,
        seed=seed,
    )


def _refuse_unknown_properties(model: ServedModel, names: Sequence[str]) -> None:
    known = list(model.property_names)
    problems = [
        FieldProblem(
            pointer=f"/return_properties/{place}", detail=str(UnknownName("property", name[:MAX_ID_CHARACTERS], known))
        )
        for place, name in enumerate(names)
        if name not in known
    ]
    if problems:
        raise refused(problems[:MAX_ERRORS], num_found=len(problems))


def _answered_items(
    model: ServedModel, places: Sequence[RecommendedItem], names: Sequence[str] | None
) -> list[AnsweredItem]:
    plain = [AnsweredItem(item_id=place.item_id, rank=rank, score=place.score) for rank, place in enumerate(places, 1)]
    if names is None:
        return plain
    return [
        item.model_copy(update={"properties": dict(model.properties_of(place.item_row, names))})
        for item, place in zip(plain, places, strict=True)
    ]


def _retrieval(answer: Recommendation) -> Retrieval:
    return Retrieval(
        strategy="ann" if answer.fallback == "none" else "popularity",
        candidates_scanned=answer.candidates_scanned,
        under_filled=answer.under_filled,
        sources=answer.sources,
    )
