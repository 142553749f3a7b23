"""`GET /metrics`: what Prometheus scrapes."""

import asyncio

from fastapi import APIRouter, Request
from prometheus_client.exposition import choose_encoder
from starlette.responses import PlainTextResponse, Response

from app.api.auth import CallerDep, needs
from app.api.dependencies import MetricsDep
from app.observability.variants import WithoutOutcomes

router = APIRouter(tags=["health"], dependencies=[needs()])


@router.get(
    "/metrics",
    summary="Figures for Prometheus",
    response_class=PlainTextResponse,
    responses={200: {"content": {"application/openmetrics-text": {"schema": {"type": "string"}}}}},
)
async def metrics(request: Request, measured: MetricsDep, caller: CallerDep) -> Response:
    """In the text format, or in OpenMetrics' where the scraper accepts that; of this process alone.

    What came of the lists, revenue among it, is told to keys with the scope admin alone.
    """
    figures = measured.registry if caller.may_read_outcomes else WithoutOutcomes(measured.registry)
    encode, media_type = choose_encoder(request.headers.get("accept", ""))
    # off the loop: it takes milliseconds, which answers would wait for
    return Response(await asyncio.to_thread(encode, figures), headers={"Content-Type": media_type})
