"""`POST /v1/fraud/sessions` and `POST /v1/fraud/items`: how implausible a behaviour or a listing is, and why."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends
from pydantic import Field, ValidatorFunctionWrapHandler, WrapValidator, model_validator

from app.api import MAX_LARGE_BODY_BYTES
from app.api.answering import meta_of
from app.api.asking import AskingDep
from app.api.auth import needs
from app.api.body import json_body, request_body
from app.api.dependencies import TIMEOUT_PARAMETER, FraudCheckersDep, ItemIntakeDep, SlowWorkersDep, room_for_slow
from app.api.fields import refused
from app.api.item_document import ListingDocument, attribute_problems, id_problem
from app.api.list_answer import Meta
from app.api.list_request import PostedEvent
from app.api.parts import AnswerPart, Id, RequestPart
from app.api.problem import FieldProblem, Problem
from app.runtime.field_check import FieldCheck
from models.domain.events import HistoryEvent
from models.domain.recommendation import MAX_HISTORY_EVENTS
from models.fraud.detector import Decision
from models.fraud.listing_verdicts import ListingVerdict
from models.fraud.sessions import MIN_EVENTS, SessionVerdict

MAX_SESSIONS: Final = 1_000
MAX_EVENTS: Final = 10_000
"""Of all sessions of a request: every one is a question to both networks."""
MAX_LISTINGS: Final = 100
SEED: Final = 0
"""Nothing is drawn for these answers."""

router = APIRouter(prefix="/v1/fraud", tags=["fraud"])


class FraudSession(RequestPart):
    """What one shopper did."""

    user_id: Id | None = None
    """Comes back with the verdict; nothing stored is read."""
    history: list[PostedEvent] = Field(min_length=MIN_EVENTS, max_length=MAX_HISTORY_EVENTS)
    """At least three events. Of a longer one than the model reads, the newest are judged."""


class FraudSessionsBody(RequestPart):
    """Sessions that are judged alone or, where there are enough of them, also as a group."""

    sessions: list[FraudSession] = Field(min_length=1, max_length=MAX_SESSIONS)
    """From 200 on, what they share is evidence too: many that hold one item that sells little, or nearly the same."""

    @model_validator(mode="after")
    def _within_bounds(self) -> "FraudSessionsBody":
        num_events = sum(len(session.history) for session in self.sessions)
        if num_events > MAX_EVENTS:
            raise ValueError(f"has {num_events} events in all its sessions, the limit is {MAX_EVENTS}")
        return self


def _as_it_comes(value: Any, _check: ValidatorFunctionWrapHandler) -> Any:
    return value


class FraudItemsBody(RequestPart):
    """Items as they are, or would be, listed."""

    items: list[Annotated[ListingDocument, WrapValidator(_as_it_comes)]] = Field(min_length=1, max_length=MAX_LISTINGS)
    """Fields as in `PUT /v1/items/{item_id}`; none is stored. Where `item_id` is in the catalogue, the item is compared
    with all others."""


class ImplausibleStep(AnswerPart):
    """A step of the session."""

    position: int
    """In `history` as it was posted, from 0."""
    item_id: str
    percentile: float
    """Share of other items that are less plausible for this shopper here: mean of what the discriminator, the
    generator, the neighbours and the texts say."""


class SharedItem(AnswerPart):
    """What a group of sessions has in common."""

    item_id: str
    sessions: int
    """Of the request, this one included, that have the item."""
    expected: float | None
    """How many would be usual by what sold before; null for an item that sold nothing before the model was trained."""


class SessionScore(AnswerPart):
    """What is thought of a session."""

    user_id: str | None
    score: float | None
    """In [0, 1], more is more suspicious; from .5 on one genuine session in a hundred is found. Null where too few
    items are known to say anything."""
    calibrated_probability: float | None
    """Of a fraud, where one session in a hundred is one."""
    decision: Decision
    """`review`: somebody should look. `accept`: nothing speaks against it. `abstain`: neither is safe to say."""
    evidence: list[ImplausibleStep]
    """The least plausible steps, five at most."""
    group: SharedItem | None
    """The item that speaks most against it together with others; null of accepted sessions, and where fewer than 200
    were asked about."""
    warnings: list[str]


class SessionScores(AnswerPart):
    """One score a session, in their order."""

    scores: list[SessionScore]
    meta: Meta


class MismatchedField(AnswerPart):
    """A field that does not fit the text."""

    field: str
    value: str | float
    usual: str | float
    """What most items with such a text say; of a price their mean."""
    share: float | None
    """Of them, nearer ones counting more, that say what this one says; null of a price."""


class NearItem(AnswerPart):
    """An item whose text is near."""

    item_id: str
    cosine: float


class ListingScore(AnswerPart):
    """What is thought of a listing."""

    item_id: str | None
    score: float | None
    """As of sessions; null where the catalogue has too few other items to compare it with."""
    calibrated_probability: float | None
    decision: Decision
    evidence: list[MismatchedField]
    """The worst first; empty where only the text or the networks speak against it."""
    nearest: list[NearItem]
    """A cosine near 1 of another item is a copied text."""


class ListingScores(AnswerPart):
    """One score an item, in their order."""

    scores: list[ListingScore]
    meta: Meta


SessionsDep = Annotated[FraudSessionsBody, Depends(json_body(FraudSessionsBody, max_bytes=MAX_LARGE_BODY_BYTES))]
ItemsDep = Annotated[FraudItemsBody, Depends(json_body(FraudItemsBody, max_bytes=MAX_LARGE_BODY_BYTES))]
REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": Problem} for status in (400, 408, 409, 413, 415, 422, 431, 500, 503, 504)
}


@router.post(
    "/sessions",
    summary="How implausible sessions are",
    dependencies=[needs("recommend"), Depends(room_for_slow)],
    responses=REFUSALS,
    openapi_extra={"requestBody": request_body(FraudSessionsBody), "parameters": [TIMEOUT_PARAMETER]},
)
async def sessions(
    asking: AskingDep, slow: SlowWorkersDep, checkers: FraudCheckersDep, body: SessionsDep
) -> SessionScores:
    """Each step is placed among other items for the same shopper by the discriminator, the generator, what is taken
    together and the texts; a fitted detector decides. 409 where the model has none (`figment fraud fit` makes it)."""
    model = asking.loaded.model
    histories = [[_event(event) for event in session.history] for session in body.sessions]
    verdicts = await slow.run(lambda: checkers.sessions(asking.loaded).verdicts(histories), deadline=asking.deadline)
    scores = [_session(session, verdict) for session, verdict in zip(body.sessions, verdicts, strict=True)]
    return SessionScores(scores=scores, meta=meta_of(asking, model.model_version, model.index_version, seed=SEED))


@router.post(
    "/items",
    summary="How implausible listings are",
    dependencies=[needs("catalogue"), Depends(room_for_slow)],
    responses=REFUSALS,
    openapi_extra={"requestBody": request_body(FraudItemsBody), "parameters": [TIMEOUT_PARAMETER]},
)
async def items(
    asking: AskingDep, slow: SlowWorkersDep, checkers: FraudCheckersDep, intake: ItemIntakeDep, body: ItemsDep
) -> ListingScores:
    """Category, brand, labels and price are compared with those of items with such a text. 409 as for sessions."""
    model = asking.loaded.model
    _refuse_unusable(body.items, intake.field_check())
    checkers.refuse_without_detector(model)
    listed: Sequence[Any] = body.items
    verdicts = await slow.run(lambda: checkers.listings(asking.loaded).verdicts(listed), deadline=asking.deadline)
    scores = [_listing(item, verdict) for item, verdict in zip(listed, verdicts, strict=True)]
    return ListingScores(scores=scores, meta=meta_of(asking, model.model_version, model.index_version, seed=SEED))


def _event(posted: PostedEvent) -> HistoryEvent:
    return HistoryEvent(posted.item_id, posted.event_type, posted.timestamp.timestamp() if posted.timestamp else None)


def _refuse_unusable(items: Sequence[Any], check: FieldCheck) -> None:
    """Raises the 422 for items whose fields cannot hold what they say."""
    problems = []
    for number, item in enumerate(items):
        if not isinstance(item, dict):
            problems.append(FieldProblem(pointer=f"/items/{number}", detail="must be an object"))
            continue
        fields = {name: value for name, value in item.items() if name != "item_id"}
        found = attribute_problems(str(item.get("item_id")), fields, check)
        problems += [FieldProblem(pointer=f"/items/{number}{one.pointer}", detail=one.detail) for one in found]
        if item.get("item_id") is not None and (wrong := id_problem(item["item_id"])):
            problems.append(FieldProblem(pointer=f"/items/{number}/item_id", detail=wrong))
    if problems:
        raise refused(problems[:20], num_found=len(problems))


def _session(session: FraudSession, verdict: SessionVerdict) -> SessionScore:
    group = verdict.group
    return SessionScore(
        user_id=session.user_id,
        score=verdict.score,
        calibrated_probability=verdict.probability,
        decision=verdict.decision,
        evidence=[
            ImplausibleStep(position=step.position, item_id=step.item_id, percentile=step.percentile)
            for step in verdict.evidence
        ],
        group=SharedItem(item_id=group.item_id, sessions=group.histories, expected=group.expected) if group else None,
        warnings=list(verdict.warnings),
    )


def _listing(item: dict[str, Any], verdict: ListingVerdict) -> ListingScore:
    return ListingScore(
        item_id=item.get("item_id"),
        score=verdict.score,
        calibrated_probability=verdict.probability,
        decision=verdict.decision,
        evidence=[
            MismatchedField(field=each.field, value=each.value, usual=each.usual, share=each.share)
            for each in verdict.evidence
        ],
        nearest=[NearItem(item_id=item_id, cosine=cosine) for item_id, cosine in verdict.nearest],
    )
