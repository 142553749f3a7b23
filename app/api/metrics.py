"""`GET /metrics`: what Prometheus scrapes."""

import asyncio

from fastapi import APIRouter, Request
from prometheus_client.exposition import choose_encoder
from starlette.responses import PlainTextResponse, Response

from app.api.auth import needs
from app.api.dependencies import MetricsDep

router = APIRouter(tags=["health"], dependencies=[needs()])


@router.get(
    "/metrics",
    summary="Figures for Prometheus",
    response_class=PlainTextResponse,
    responses={200: {"content": {"application/openmetrics-text": {"schema": {"type": "string"}}}}},
)
async def metrics(request: Request, measured: MetricsDep) -> Response:
    """In the text format, or in OpenMetrics' where the scraper accepts that; of this process alone."""
    encode, media_type = choose_encoder(request.headers.get("accept", ""))
    # off the loop: it takes milliseconds, which answers would wait for
    return Response(await asyncio.to_thread(encode, measured.registry), headers={"Content-Type": media_type})
