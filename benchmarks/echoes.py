"""What HTTP alone costs: two services that answer the same to everybody.

    python benchmarks/echoes.py bare|framework PORT

`bare` is an ASGI application of a few lines that reads the body and sends 1 KB. `framework` is a FastAPI route with
Figment's own request and response models, and a list of the usual length that was made beforehand.
"""

import sys
from typing import Any

import uvicorn
from fastapi import FastAPI
from serving_bodies import LIST_LENGTH

from app.api.list_answer import AnsweredItem, Meta, RecommendationAnswer, Retrieval
from app.api.list_request import RecommendationBody

ONE_KILOBYTE = b'{"echo": "' + b"x" * (1024 - 12) + b'"}'
PROPERTIES = {"title": "A title of the usual length, which is about fifty", "brand": "A brand"}
ITEMS = [
    AnsweredItem(item_id=f"item-{rank}", rank=rank, score=1 / rank, properties=PROPERTIES)
    for rank in range(1, LIST_LENGTH + 1)
]
ANSWER = RecommendationAnswer(
    recommendation_id="01J0000000000000000000000",
    items=ITEMS,
    next_cursor=None,
    fallback="none",
    warnings=[],
    retrieval=Retrieval(
        strategy="ann", candidates_scanned=200, under_filled=False, sources={"generator": 0.5, "neighbours": 0.5}
    ),
    meta=Meta(
        request_id="0" * 32,
        model_version="1",
        index_version="1",
        index_age_seconds=1,
        seed=1,
        variant_id=None,
        took_ms=1.0,
    ),
)


async def bare(_scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(ONE_KILOBYTE))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": ONE_KILOBYTE})


framework = FastAPI(openapi_url=None)


@framework.post("/v1/recommendations", response_model_exclude_unset=True)
async def echo(body: RecommendationBody) -> RecommendationAnswer:  # noqa: ARG001  read and checked, no more
    return ANSWER


def serve(app: Any, port: int) -> None:
    """As Figment's own server runs: the same loop and parser, no log of requests."""
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False, lifespan="off", ws="none")


if __name__ == "__main__":
    serve({"bare": bare, "framework": framework}[sys.argv[1]], int(sys.argv[2]))
