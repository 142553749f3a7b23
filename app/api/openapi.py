"""The contract, with examples that the served bundle really answers."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
from fastapi import APIRouter, FastAPI, Request
from starlette.responses import RedirectResponse, Response

from app.api.dependencies import LiveModelDep
from app.api.problem import MEDIA_TYPE
from app.api.recommendations import RecommendationBody

PLACEHOLDER_ITEM_IDS: Final = ("i9", "i7", "i3")
"""Where no bundle is loaded; unknown items are skipped with a warning, so the examples still answer."""

router = APIRouter(include_in_schema=False)


@router.get("/openapi.json")
async def openapi_json(request: Request, live: LiveModelDep) -> Response:
    """The contract; its examples name items of the served bundle."""
    item_ids = live.loaded.popular_item_ids if live.is_loaded else PLACEHOLDER_ITEM_IDS
    return Response(orjson.dumps(contract(request.app, item_ids)), media_type="application/json")


@router.get("/")
async def root() -> RedirectResponse:
    """People who open the address in a browser want the page."""
    return RedirectResponse("docs")


def contract(app: FastAPI, item_ids: Sequence[str]) -> dict[str, Any]:
    """The OpenAPI document, with these items in its examples."""
    document: dict[str, Any] = dict(app.openapi())
    schema = RecommendationBody.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas = {**document["components"]["schemas"], **schema.pop("$defs"), "RecommendationBody": schema}
    document["components"] = {**document["components"], "schemas": dict(sorted(schemas.items()))}
    document["paths"] = {
        path: {method: _complete(operation, item_ids) for method, operation in operations.items()}
        for path, operations in document["paths"].items()
    }
    return document


def examples(item_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Bodies by name; each is answered 200 when sent as it is."""
    newest_last = [
        {"item_id": item_id, "event_type": "purchase", "timestamp": f"2026-11-{day:02}T09:30:00Z"}
        for day, item_id in enumerate(item_ids, 20)
    ]
    last = list(item_ids[-1:])
    return {
        "history": {
            "summary": "A history in, ten products out",
            "value": {"history": [{"item_id": item_id} for item_id in item_ids]},
        },
        "every_field": {
            "summary": "Every field",
            "value": {
                "user": {"user_id": "u1", "session_id": "s1", "personalise": True},
                "history": newest_last,
                "k": 5,
                "exclude": {"item_ids": last, "seen": True},
                "exploration": 0.3,
                "num_samples": 4,
                "seed": 42,
                "return_properties": [],
            },
        },
        "no_history": {
            "summary": "A shopper nobody knows yet: popular items",
            "value": {"user": {"session_id": "s1"}, "k": 5},
        },
    }


def _complete(operation: Mapping[str, Any], item_ids: Sequence[str]) -> dict[str, Any]:
    """The operation with problem documents under their own media type, and examples in its body."""
    responses = {
        status: {**response, "content": {MEDIA_TYPE: response["content"]["application/json"]}}
        if int(status) >= 400
        else response
        for status, response in operation["responses"].items()
    }
    completed = {**operation, "responses": responses}
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        content = {"application/json": {"schema": schema, "examples": examples(item_ids)}}
        completed["requestBody"] = {**operation["requestBody"], "content": content}
    return completed
