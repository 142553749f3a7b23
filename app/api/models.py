"""`/v1/models`: what could answer, and what shall."""

from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from starlette.exceptions import HTTPException

from app.api.auth import needs
from app.api.dependencies import LiveModelDep, ServingDep
from app.api.fields import refused
from app.api.parts import AnswerPart
from app.api.paths import IdRoute, path_id, path_id_parameter
from app.api.problem import FieldProblem, Problem
from models.domain.errors import BundleError, UnknownName

VERSION: Final = path_id_parameter("version", "As `GET /v1/models` lists it.")


async def version(request: Request) -> str:
    """Of the path."""
    return path_id(request, "version")


router = APIRouter(
    prefix="/v1/models",
    tags=["model"],
    dependencies=[needs("admin")],
    route_class=IdRoute,
    responses={status: {"model": Problem} for status in (431, 500, 503)},
)


class ModelListed(AnswerPart):
    """One model."""

    version: str
    is_active: bool
    """Whether it answers now, in this process."""
    created_at: datetime | None
    """Null where it cannot be read."""
    problem: str | None
    """Why it cannot be read."""


class ModelsAnswer(AnswerPart):
    """What there is, the newest first."""

    models: list[ModelListed]


class ActivatedAnswer(AnswerPart):
    """What answers now."""

    model_version: str
    index_version: str


@router.get("", summary="The models that there are")
async def list_models(serving: ServingDep) -> ModelsAnswer:
    """Only their manifests are read; `activate` verifies the rest."""
    return ModelsAnswer(
        models=[
            ModelListed(
                version=each.version, is_active=each.is_active, created_at=each.created_at, problem=each.problem
            )
            for each in await serving.versions()
        ]
    )


@router.post(
    "/{version}:activate",
    summary="Let another model answer",
    responses={status: {"model": Problem} for status in (404, 422)},
    openapi_extra={"parameters": [VERSION]},
)
async def activate(
    version: Annotated[str, Depends(version)], serving: ServingDep, live: LiveModelDep
) -> ActivatedAnswer:
    """It is opened and verified beside the one that answers, with the shop's changes to the catalogue, and takes over
    between two requests; every other process of the shop follows within seconds. The way back is the same."""
    try:
        await serving.activate(version)
    except UnknownName as unknown:
        raise HTTPException(404, str(unknown)) from None
    except BundleError as error:
        raise refused([FieldProblem(pointer="path:version", detail=f"must not be served: {error}")]) from None
    model = live.loaded.model
    return ActivatedAnswer(model_version=model.model_version, index_version=model.index_version)
