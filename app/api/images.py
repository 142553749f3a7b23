"""`POST /v1/images`: pictures of products that do not exist, each marked as generated."""

from dataclasses import asdict
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field
from starlette.exceptions import HTTPException

from app.api import MAX_BODY_BYTES
from app.api.asked import drawn_seed
from app.api.auth import needs
from app.api.body import json_body, request_body
from app.api.dependencies import (
    TIMEOUT_PARAMETER,
    AskingKeyDep,
    DeadlineDep,
    LoadedDep,
    PicturesDep,
    SlowWorkersDep,
    StoreDep,
)
from app.api.fields import refused
from app.api.jobs import JOB_ID, job_id, queued
from app.api.list_request import MAX_SEED, Query
from app.api.parts import AnswerPart, Id, RequestPart
from app.api.paths import IdRoute
from app.api.problem import FieldProblem, Problem
from app.runtime.pictures import OpenPictures, document_of
from app.runtime.workers import within
from app.store.concepts import KeptConcept
from app.store.jobs import PICTURES
from app.store.store import Store
from models.images.request import MAX_JOB_PICTURES, MAX_PICTURES, GeneratedPicture, PictureRequest

DEFAULT_NUM: Final = 4
MAX_NAME_CHARACTERS: Final = 512
MAX_SIZE: Final = 1024
PNG: Final = "image/png"
Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARACTERS)]

router = APIRouter(prefix="/v1/images", tags=["images"], route_class=IdRoute, dependencies=[needs("studio")])


class ImagesBody(RequestPart):
    """What the pictures show. What is left out is taken from real products that fit the rest."""

    category: Name | None = None
    """A category path, the beginning of one, or one step of it."""
    colour: Name | None = None
    """As the catalogue names it."""
    item_id: Id | None = None
    """Pictured like this product; with `colour`, in another colour."""
    query: Query | None = None
    """What to picture, in words."""
    concept_id: Id | None = None
    """A concept that `POST /v1/concepts` told within a week: its category and words are pictured. With neither
    `category`, `item_id` nor `query`; `colour` may be another one."""
    n: int | None = Field(default=None, ge=1, le=MAX_JOB_PICTURES)
    """How many: 4 by default, 1 as `image/png`. More than 16 are a job."""
    size: int | None = Field(default=None, ge=1, le=MAX_SIZE)
    """Height and width; by default the model's own. Sizes that the model does not have are refused."""
    seed: int | None = Field(default=None, ge=0, le=MAX_SEED)
    """The same seed, the same pictures, however many. Drawn, and echoed, where it is left out."""


class NearestProduct(AnswerPart):
    """A real product that a picture is like."""

    item_id: str
    distance: float
    """From 0, the same, to 2, as the picture model's classifier sees them."""


class Provenance(AnswerPart):
    """What the file itself says too: as text, and in its signed C2PA manifest."""

    generated: bool
    program: str
    model_version: str
    seed: int
    number: int
    """Of the picture, from 0."""
    made_at: str
    visible_mark: bool
    """Whether its corner shows the letters AI."""
    self_signed: bool
    """True: signed with a key of this installation, which no reader of C2PA knows."""


class Image(AnswerPart):
    """One picture."""

    png_base64: str
    category: str | None
    """What it was asked to show; null where that is no category that the model learned."""
    colour: str | None
    category_probability: float | None
    """That it shows the category, as the classifier sees it. Low: look at it before anybody else does."""
    nearest: list[NearestProduct]
    provenance: Provenance


class ImagesAnswer(AnswerPart):
    """The pictures, or the job that makes them."""

    images: list[Image]
    """Empty where a job makes them."""
    model_version: str
    """Of the picture model."""
    seed: int
    job_id: str | None
    status_url: str | None
    """Of the job; it tells where the pictures are once it is done."""


BodyDep = Annotated[ImagesBody, Depends(json_body(ImagesBody, max_bytes=MAX_BODY_BYTES))]
PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": Problem} for status in (400, 404, 408, 409, 413, 415, 422, 431, 500, 503, 504)
}


@router.post(
    "",
    summary="Pictures of products that do not exist",
    response_model=ImagesAnswer,
    responses={
        200: {"content": {PNG: {"schema": {"type": "string", "format": "binary"}}}},
        202: {"model": ImagesAnswer, "description": "More than 16: a job makes them."},
        **PROBLEMS,
    },
    openapi_extra={"requestBody": request_body(ImagesBody), "parameters": [TIMEOUT_PARAMETER]},
)
async def make_images(
    request: Request,
    response: Response,
    body: BodyDep,
    loaded: LoadedDep,
    slow: SlowWorkersDep,
    pictures: PicturesDep,
    store: StoreDep,
    key_id: AskingKeyDep,
    deadline: DeadlineDep,
) -> Any:
    """With `Accept: image/png` the one picture itself. 409 where the model that serves has no pictures."""
    as_png = _wants_png(request)
    if as_png and body.n not in {None, 1}:
        raise refused([FieldProblem(pointer="/n", detail=f"must be 1 where {PNG} is asked for, got {body.n}")])
    async with within(deadline):
        opened = await pictures.beside(loaded.model.folder)
        concept = await _concept_of(body, store)
    asked = _request_of(body, num=body.n or (1 if as_png else DEFAULT_NUM))
    if concept is not None:
        asked = opened.model.of_concept(asked, concept.category, concept.words)
    if asked.num > MAX_PICTURES:
        opened.model.check(asked)
        await slow.run(lambda: opened.model.check_text(asked), deadline=deadline)
        job = await queued(store, PICTURES, asdict(asked), key_id)
        pictures.job_written()
        response.status_code = 202
        return _answer(opened, asked, [], job_id=job.job_id)
    made = await slow.run(lambda: list(opened.make(asked)), deadline=deadline)
    if as_png:
        return Response(made[0].png, media_type=PNG)
    return _answer(opened, asked, made)


@router.get(
    "/{job_id}",
    summary="The pictures that a job made",
    responses={status: {"model": Problem} for status in (404, 409, 422, 431, 500, 503)},
    openapi_extra={"parameters": [JOB_ID]},
)
async def images_of_job(job_id: Annotated[str, Depends(job_id)], store: StoreDep) -> ImagesAnswer:
    """Kept for a week. 409 while it is not done."""
    job = await store.jobs.get(job_id)
    if job is None or job.kind != PICTURES:
        raise HTTPException(404, "there is no such job for pictures")
    if job.state != "done":
        raise HTTPException(409, f"the job is {job.state}: its pictures are not there")
    return ImagesAnswer(**job.result, job_id=job.job_id, status_url=_status_url(job.job_id))


def _request_of(body: ImagesBody, num: int) -> PictureRequest:
    return PictureRequest(
        category=body.category,
        colour=body.colour,
        item_id=body.item_id,
        query=body.query,
        num=num,
        size=body.size,
        seed=drawn_seed() if body.seed is None else body.seed,
    )


async def _concept_of(body: ImagesBody, store: Store) -> KeptConcept | None:
    """The concept that is asked for, if one is."""
    if body.concept_id is None:
        return None
    others = [name for name in ("category", "item_id", "query") if getattr(body, name) is not None]
    if others:
        detail = "says what to picture already: leave it out, or concept_id"
        raise refused([FieldProblem(pointer=f"/{name}", detail=detail) for name in others])
    concept = await store.concepts.get(body.concept_id)
    if concept is None:
        raise HTTPException(404, f"no concept {body.concept_id!r} was told within a week")
    return concept


def _answer(
    opened: OpenPictures, asked: PictureRequest, made: list[GeneratedPicture], *, job_id: str | None = None
) -> ImagesAnswer:
    return ImagesAnswer(
        images=[Image.model_validate(document_of(picture, opened.key)) for picture in made],
        model_version=opened.model.model_version,
        seed=asked.seed,
        job_id=job_id,
        status_url=None if job_id is None else _status_url(job_id),
    )


def _status_url(job_id: str) -> str:
    return f"/v1/jobs/{job_id}"


def _wants_png(request: Request) -> bool:
    """Only where it is asked for by name, and JSON is not."""
    accepted = {each.partition(";")[0].strip().lower() for each in request.headers.get("accept", "").split(",")}
    return PNG in accepted and "application/json" not in accepted
