"""`POST /v1/synthetic-sessions` and `POST /v1/synthetic-items`: shoppers and items that do not exist."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Response
from pydantic import Field
from starlette.exceptions import HTTPException

from app.api import MAX_LARGE_BODY_BYTES
from app.api.asked import drawn_seed
from app.api.auth import needs
from app.api.body import json_body, request_body
from app.api.dependencies import (
    TIMEOUT_PARAMETER,
    AskingKeyDep,
    DeadlineDep,
    ImaginingDep,
    SlowWorkersDep,
    StoreDep,
    room_for_slow,
)
from app.api.jobs import JOB_ID, job_id, queued
from app.api.list_request import MAX_SEED
from app.api.parts import AnswerPart, RequestPart
from app.api.paths import IdRoute
from app.api.problem import Problem
from app.api.segments import ProvenancePart, SegmentBody
from app.runtime.imagining import MAKERS, Imagining, beginning_of, refuse_too_many
from app.runtime.workers import Deadline, Workers
from app.store.jobs import SYNTHETIC_ITEMS, SYNTHETIC_SESSIONS
from app.store.store import Store
from models.domain.events import EventType
from models.synthesis.workshop import Workshop

MAX_AT_ONCE: Final = 1_000
"""More are a job."""
MAX_SESSIONS: Final = 20_000
MAX_ITEMS: Final = 20_000
"""What is larger is a file's business: `figment synthesize`."""

router = APIRouter(prefix="/v1", tags=["imagining"], route_class=IdRoute, dependencies=[needs("studio")])


class MadeBody(RequestPart):
    """Of whom, and by which draw."""

    segment: SegmentBody | None = None
    """With a filter, sessions begin with, and items are wished for by who took, an item that it is true of; with
    histories, both go on from one of them."""
    seed: int | None = Field(default=None, ge=0, le=MAX_SEED)
    """Unset: drawn, and echoed in `provenance`."""

    def asked(self, num: int) -> dict[str, Any]:
        """As jobs keep it."""
        return {
            "num": num,
            "segment": self.segment.document() if self.segment else None,
            "seed": drawn_seed() if self.seed is None else self.seed,
        }


class SessionsBody(MadeBody):
    """How many, and of whom."""

    num_sessions: int = Field(ge=1, le=MAX_SESSIONS)
    """More than 1,000 are a job. Of 100,000 events at most, by how long sessions of this shop are."""


class ItemsMadeBody(MadeBody):
    """How many, and of what kind."""

    num_items: int = Field(ge=1, le=MAX_ITEMS)
    """More than 1,000 are a job."""


class SyntheticEvent(AnswerPart):
    """On an item that exists."""

    item_id: str
    event_type: EventType
    timestamp: datetime


class SyntheticSession(AnswerPart):
    """One shopper who does not exist."""

    user_id: str
    events: list[SyntheticEvent]
    """Oldest first."""


class SyntheticItem(AnswerPart):
    """A catalogue row of an item that does not exist; a column that the catalogue lacks is null."""

    item_id: str
    title: str | None
    """Words, those that tell most first: no sentence."""
    category: str | None
    brand: str | None
    price: float | None


class MadeAnswer(AnswerPart):
    """What was made, or the job that makes it."""

    provenance: ProvenancePart
    job_id: str | None
    status_url: str | None
    """Of the job; it tells where the result is once it is done."""


class SessionsAnswer(MadeAnswer):
    """Made-up sessions."""

    sessions: list[SyntheticSession]
    """Empty where a job makes them."""


class ItemsAnswer(MadeAnswer):
    """Made-up items."""

    items: list[SyntheticItem]
    """Empty where a job makes them."""


SessionsDep = Annotated[SessionsBody, Depends(json_body(SessionsBody, max_bytes=MAX_LARGE_BODY_BYTES))]
ItemsDep = Annotated[ItemsMadeBody, Depends(json_body(ItemsMadeBody, max_bytes=MAX_LARGE_BODY_BYTES))]
MAKING: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": Problem} for status in (400, 408, 409, 413, 415, 422, 431, 500, 503, 504)
}
FETCHING: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": Problem} for status in (404, 409, 422, 431, 500, 503)
}


class Making:
    """What both routes need."""

    def __init__(
        self,
        imagining: ImaginingDep,
        slow: SlowWorkersDep,
        store: StoreDep,
        key_id: AskingKeyDep,
        deadline: DeadlineDep,
    ) -> None:
        self.imagining: Imagining = imagining
        self.workers: Workers = slow
        self.store: Store = store
        self.key_id = key_id
        self.deadline: Deadline | None = deadline

    async def answer(self, kind: str, asked: Mapping[str, Any], shape: type[MadeAnswer]) -> Response:
        """Now, or by a job; raises InputError for a segment that is none, or too many events, in either case."""
        workshop = self.imagining.workshop()
        if asked["num"] <= MAX_AT_ONCE:
            work = partial(_written, shape, lambda: MAKERS[kind](workshop, asked, lambda _: None), job_id=None)
            return _json(await self.workers.run(work, deadline=self.deadline))
        await self.workers.run(lambda: _check(workshop, kind, asked), deadline=self.deadline)
        job = await queued(self.store, kind, asked, self.key_id)
        self.imagining.job_written()
        nothing = {"sessions": [], "items": [], "provenance": workshop.provenance(asked["seed"])}
        return _json(_written(shape, lambda: nothing, job_id=job.job_id), status=202)


MakingDep = Annotated[Making, Depends()]


@router.post(
    "/synthetic-sessions",
    summary="Sessions of shoppers who do not exist",
    response_model=SessionsAnswer,
    responses={202: {"model": SessionsAnswer, "description": "More than 1,000: a job makes them."}, **MAKING},
    openapi_extra={"requestBody": request_body(SessionsBody), "parameters": [TIMEOUT_PARAMETER]},
    dependencies=[Depends(room_for_slow)],
)
async def synthetic_sessions(body: SessionsDep, making: MakingDep) -> Response:
    """The generator asked again and again for what comes next. 409 where the model that serves cannot."""
    return await making.answer(SYNTHETIC_SESSIONS, body.asked(body.num_sessions), SessionsAnswer)


@router.post(
    "/synthetic-items",
    summary="Catalogue rows of items that do not exist",
    response_model=ItemsAnswer,
    responses={202: {"model": ItemsAnswer, "description": "More than 1,000: a job makes them."}, **MAKING},
    openapi_extra={"requestBody": request_body(ItemsMadeBody), "parameters": [TIMEOUT_PARAMETER]},
    dependencies=[Depends(room_for_slow)],
)
async def synthetic_items(body: ItemsDep, making: MakingDep) -> Response:
    """Generated features, decoded. 409 where the model that serves has no decoder."""
    return await making.answer(SYNTHETIC_ITEMS, body.asked(body.num_items), ItemsAnswer)


@router.get(
    "/synthetic-sessions/{job_id}",
    summary="The sessions that a job made",
    response_model=SessionsAnswer,
    responses=FETCHING,
    openapi_extra={"parameters": [JOB_ID]},
)
async def sessions_of_job(job_id: Annotated[str, Depends(job_id)], store: StoreDep) -> Response:
    """Kept for a week. 409 while it is not done."""
    return await _result(store, job_id, SYNTHETIC_SESSIONS, SessionsAnswer)


@router.get(
    "/synthetic-items/{job_id}",
    summary="The items that a job made",
    response_model=ItemsAnswer,
    responses=FETCHING,
    openapi_extra={"parameters": [JOB_ID]},
)
async def items_of_job(job_id: Annotated[str, Depends(job_id)], store: StoreDep) -> Response:
    """Kept for a week. 409 while it is not done."""
    return await _result(store, job_id, SYNTHETIC_ITEMS, ItemsAnswer)


def _check(workshop: Workshop, kind: str, asked: Mapping[str, Any]) -> None:
    """Raises now what the job would fail with."""
    beginning_of(workshop, asked["segment"])
    if kind == SYNTHETIC_ITEMS:
        _ = workshop.decoder  # raises ModelLacks where there is none
    else:
        refuse_too_many(workshop, asked["num"])


async def _result(store: Store, job_id: str, kind: str, shape: type[MadeAnswer]) -> Response:
    job = await store.jobs.get(job_id)
    if job is None or job.kind != kind:
        raise HTTPException(404, "there is no such job")
    if job.state != "done":
        raise HTTPException(409, f"the job is {job.state}: its result is not there")
    return _json(await asyncio.to_thread(_written, shape, lambda: job.result, job_id=job_id))


def _written(shape: type[MadeAnswer], make: Callable[[], dict[str, Any]], *, job_id: str | None) -> str:
    """The answer's JSON: megabytes of it, so it is written where it was made and not on the event loop."""
    status_url = None if job_id is None else f"/v1/jobs/{job_id}"
    return shape.model_validate({**make(), "job_id": job_id, "status_url": status_url}).model_dump_json()


def _json(content: str, status: int = 200) -> Response:
    return Response(content, status_code=status, media_type="application/json")
