"""`GET /v1/jobs/{job_id}`: how far long work is."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Request
from starlette.exceptions import HTTPException

from app.api.auth import needs
from app.api.dependencies import StoreDep
from app.api.parts import AnswerPart
from app.api.paths import IdRoute, path_id, path_id_parameter
from app.api.problem import Problem, RequestError
from app.runtime.imagining import RESULTS as IMAGINED
from app.runtime.import_jobs import KIND, ImportRange
from app.store.jobs import PICTURES, Job
from app.store.store import Store

RESULTS: Final = {PICTURES: "/v1/images", **IMAGINED}
"""Where what a job of each kind made can be had."""
MAX_UNFINISHED: Final = 20
"""Of one kind and key: each is minutes of work, and may wait with megabytes of histories."""
RETRY_SECONDS: Final = 10
JOB_ID: Final = path_id_parameter("job_id", "As it was answered when the work began.")


async def job_id(request: Request) -> str:
    """Of the path."""
    return path_id(request, "job_id")


router = APIRouter(prefix="/v1/jobs", tags=["jobs"], route_class=IdRoute, dependencies=[needs()])


async def queued(store: Store, kind: str, payload: Any, key_id: str | None) -> Job:
    """A job that waits for its turn. Raises the 429 where as many of this key's are not done as may be.

    Counted beforehand: what is asked for at the same moment may come to a few more.
    """
    if await store.jobs.num_unfinished(kind, key_id) >= MAX_UNFINISHED:
        detail = f"{MAX_UNFINISHED} jobs of this kind are not done, which is the limit of a key: ask again when one is"
        raise RequestError(429, detail, headers={"Retry-After": str(RETRY_SECONDS)})
    return await store.jobs.create(kind, payload, key_id=key_id)


class JobAnswer(AnswerPart):
    """How far it is. Work that a process did not live to finish is taken up by another one, or by the next start."""

    job_id: str
    state: Literal["queued", "running", "done", "failed"]
    progress: float
    """0 to 1."""
    result_url: str | None
    """Where what it made can be had; null where it makes nothing to have, as for an import."""
    error: str | None
    """Why it failed."""
    items: int | None
    """That the work is about; null for other work than imports."""
    items_set_aside: int | None
    """Of those, how many could not be built into the index, and are tried again when their content changes; null before
    an import is done."""
    items_per_second: float | None
    """Since it was asked for; null before there is any progress."""


@router.get(
    "/{job_id}",
    summary="How far long work is",
    responses={status: {"model": Problem} for status in (404, 422, 431, 500, 503)},
    openapi_extra={"parameters": [JOB_ID]},
)
async def get_job(job_id: Annotated[str, Depends(job_id)], store: StoreDep) -> JobAnswer:
    """Jobs that ended are forgotten after a week."""
    job = await store.jobs.state_of(job_id)
    if job is not None and job.kind == KIND:
        job = await store.jobs.get(job_id)  # an import's payload and result are a few numbers
    if job is None:
        raise HTTPException(404, "there is no such job")
    items = ImportRange.of(job).num_items if job.kind == KIND else None
    return JobAnswer(
        job_id=job.job_id,
        state=job.state,
        progress=job.progress,
        result_url=f"{RESULTS[job.kind]}/{job.job_id}" if job.kind in RESULTS and job.state == "done" else None,
        error=job.error,
        items=items,
        items_set_aside=(job.result or {}).get("set_aside", 0) if items is not None and job.state == "done" else None,
        items_per_second=_speed(job, items),
    )


def _speed(job: Job, items: int | None) -> float | None:
    seconds = (job.updated_at - job.created_at).total_seconds()
    if items is None or not job.progress or seconds <= 0:
        return None
    return round(items * job.progress / seconds, 1)
