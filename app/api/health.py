"""Probes for whatever runs the process."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from app.api.dependencies import KnownKeysDep, LiveModelDep, LoadedDep
from app.api.problem import Problem

router = APIRouter(prefix="/health", tags=["health"])


class Healthy(BaseModel):
    """The probe's answer when all is well; anything else is a problem document."""

    status: Literal["ok"] = "ok"


@router.get("/live", summary="The event loop answers")
async def live() -> Healthy:
    """Checks nothing else: a restart cures only a process that does not answer."""
    return Healthy()


@router.get("/ready", summary="New requests are welcome", responses={503: {"model": Problem}})
async def ready(live_model: LiveModelDep, keys: KnownKeysDep) -> Healthy:
    """The bundle is verified, its golden requests are replayed, a permit is free, no shutdown has begun, a server
    that keeps the index answers, and API keys could be read lately enough to be trusted."""
    await live_model.check_ready()
    keys.check_trusted()
    return Healthy()


@router.get("/startup", summary="Loading has finished", responses={503: {"model": Problem}})
async def startup(_: LoadedDep) -> Healthy:
    """Says 503 until then."""
    return Healthy()
