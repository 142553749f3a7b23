"""`POST /v1/synthetic-sessions` and `POST /v1/synthetic-items`: shoppers and items that do not exist."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Final, TypeVar

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
    LiveModelDep,
    StoreDep,
)
from app.api.jobs import JOB_ID, job_id
from app.api.list_request import MAX_SEED
from app.api.parts import AnswerPart, RequestPart
from app.api.paths import IdRoute
from app.api.problem import Problem
from app.api.segments import ProvenancePart, SegmentBody
from app.runtime.imagining import ITEMS, SESSIONS, Imagining, beginning_of, made_items, made_sessions, provenance
from app.runtime.workers import Deadline
from app.store.store import Store
from models.domain.events import EventType
from models.synthesis.workshop import Workshop

MAX_AT_ONCE: Final = 1_000
"""More are a job."""
MAX_SESSIONS: Final = 20_000
MAX_ITEMS: Final = 20_000
"""What is larger is a file's business: `figment synthesize`."""

router = APIRouter(prefix="/v1", tags=["imagining"], route_class=IdRoute, dependencies=[needs("studio")])
Answer = TypeVar("Answer", bound="MadeAnswer")


class SessionsBody(RequestPart):
    """How many, and of whom."""

    num_sessions: int = Field(ge=1, le=MAX_SESSIONS)
    """More than 1,000 are a job."""
    segment: SegmentBody | None = None
    """With a filter, sessions begin with an item that it is true of; with histories, each goes on from one of them."""
    seed: int | None = Field(default=None, ge=0, le=MAX_SEED)
    """Unset: drawn, and echoed in `provenance`."""


class ItemsMadeBody(RequestPart):
    """How many, and of what kind."""

    num_items: int = Field(ge=1, le=MAX_ITEMS)
    """More than 1,000 are a job."""
    segment: SegmentBody | None = None
    """With a filter, wishes of who took an item that it is true of; with histories, of those shoppers."""
    seed: int | None = Field(default=None, ge=0, le=MAX_SEED)
    """Unset: drawn, and echoed in `provenance`."""


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
        live: LiveModelDep,
        store: StoreDep,
        key_id: AskingKeyDep,
        deadline: DeadlineDep,
        response: Response,
    ) -> None:
        self.imagining: Imagining = imagining
        self.workers = live.workers
        self.store: Store = store
        self.key_id = key_id
        self.deadline: Deadline | None = deadline
        self.response = response

    async def made(
        self, kind: str, asked: Mapping[str, Any], make: Callable[[Workshop, Mapping[str, Any]], dict[str, Any]]
    ) -> dict[str, Any]:
        """Now, or by a job; raises InputError for a segment that is none in either case."""
        workshop = self.imagining.workshop()
        if asked["num"] <= MAX_AT_ONCE:
            made = await self.workers.run(lambda: make(workshop, asked), deadline=self.deadline)
            return {**made, "job_id": None, "status_url": None}
        await self.workers.run(lambda: _check(workshop, kind, asked), deadline=self.deadline)
        job = await self.store.jobs.create(kind, dict(asked), key_id=self.key_id)
        self.imagining.job_written()
        self.response.status_code = 202
        told = {"job_id": job.job_id, "status_url": f"/v1/jobs/{job.job_id}"}
        return {"sessions": [], "items": [], "provenance": provenance(workshop, asked["seed"]), **told}


MakingDep = Annotated[Making, Depends()]


@router.post(
    "/synthetic-sessions",
    summary="Sessions of shoppers who do not exist",
    responses={202: {"model": SessionsAnswer, "description": "More than 1,000: a job makes them."}, **MAKING},
    openapi_extra={"requestBody": request_body(SessionsBody), "parameters": [TIMEOUT_PARAMETER]},
)
async def synthetic_sessions(body: SessionsDep, making: MakingDep) -> SessionsAnswer:
    """The generator asked again and again for what comes next. 409 where the model that serves cannot."""
    made = await making.made(SESSIONS, _asked(body.num_sessions, body.segment, body.seed), made_sessions)
    return SessionsAnswer.model_validate(made)


@router.post(
    "/synthetic-items",
    summary="Catalogue rows of items that do not exist",
    responses={202: {"model": ItemsAnswer, "description": "More than 1,000: a job makes them."}, **MAKING},
    openapi_extra={"requestBody": request_body(ItemsMadeBody), "parameters": [TIMEOUT_PARAMETER]},
)
async def synthetic_items(body: ItemsDep, making: MakingDep) -> ItemsAnswer:
    """Generated features, decoded. 409 where the model that serves has no decoder."""
    made = await making.made(ITEMS, _asked(body.num_items, body.segment, body.seed), made_items)
    return ItemsAnswer.model_validate(made)


@router.get(
    "/synthetic-sessions/{job_id}",
    summary="The sessions that a job made",
    responses=FETCHING,
    openapi_extra={"parameters": [JOB_ID]},
)
async def sessions_of_job(job_id: Annotated[str, Depends(job_id)], store: StoreDep) -> SessionsAnswer:
    """Kept for a week. 409 while it is not done."""
    return SessionsAnswer.model_validate(await _result(store, job_id, SESSIONS))


@router.get(
    "/synthetic-items/{job_id}",
    summary="The items that a job made",
    responses=FETCHING,
    openapi_extra={"parameters": [JOB_ID]},
)
async def items_of_job(job_id: Annotated[str, Depends(job_id)], store: StoreDep) -> ItemsAnswer:
    """Kept for a week. 409 while it is not done."""
    return ItemsAnswer.model_validate(await _result(store, job_id, ITEMS))


def _asked(num: int, segment: SegmentBody | None, seed: int | None) -> dict[str, Any]:
    return {
        "num": num,
        "segment": segment.document() if segment else None,
        "seed": drawn_seed() if seed is None else seed,
    }


def _check(workshop: Workshop, kind: str, asked: Mapping[str, Any]) -> None:
    """Raises now what the job would fail with."""
    beginning_of(workshop, asked["segment"])
    if kind == ITEMS:
        assert workshop.decoder


async def _result(store: Store, job_id: str, kind: str) -> dict[str, Any]:
    job = await store.jobs.get(job_id)
    if job is None or job.kind != kind:
        raise HTTPException(404, "there is no such job")
    if job.state != "done":
        raise HTTPException(409, f"the job is {job.state}: its result is not there")
    return {**job.result, "job_id": job.job_id, "status_url": f"/v1/jobs/{job.job_id}"}
