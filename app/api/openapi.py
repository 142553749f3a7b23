"""The contract, with examples that the served bundle really answers."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from fastapi import APIRouter, FastAPI, Request
from pydantic import BaseModel
from starlette.responses import RedirectResponse, Response

from app.api import MAX_BODY_BYTES
from app.api.auth import CallerDep, needs
from app.api.connection import MAX_HEAD_BYTES
from app.api.dependencies import LiveModelDep
from app.api.errors import problem_of
from app.api.events import EventsBody
from app.api.fields import refused
from app.api.idempotency import in_progress
from app.api.item_document import ItemBody
from app.api.item_import import ItemsBody
from app.api.openapi_access import with_access
from app.api.problem import MEDIA_TYPE, FieldProblem, RequestError
from app.api.recommendations import RecommendationBody
from app.api.users import MergeBody
from models.domain.errors import DeadlineExceeded, NotReady

SCHEMAS: Final = "#/components/schemas/"
WHEN_WRITTEN: Final = datetime(2026, 11, 24, 3, tzinfo=UTC)
"""In the examples of the document that is no service's answer."""
PLACEHOLDER_ITEM_IDS: Final = ("i9", "i7", "i3")
"""Where no bundle is loaded; unknown items are skipped with a warning, so the examples still answer."""
SHOWN_PROPERTIES: Final = ("title", "brand", "category", "price")
"""What examples ask for, where the catalogue has it."""
ERRORS: Final[Mapping[int, Exception]] = {
    400: RequestError(400, 'the body is not JSON: key "k" appears twice in one object'),
    401: RequestError(401, "the API key is not known, or was revoked"),
    403: RequestError(403, "the API key lacks the scope recommend"),
    404: RequestError(404, "nothing is stored about this shopper"),
    408: RequestError(408, "the body took longer than the limit, 15 s"),
    409: in_progress(),
    413: RequestError(413, f"the body is longer than the limit, {MAX_BODY_BYTES} bytes"),
    415: RequestError(415, 'send Content-Type: application/json in UTF-8, got "text/plain"'),
    422: refused([FieldProblem(pointer="/k", detail="101 is more than the most allowed, 100")]),
    429: RequestError(429, "more than 600 requests in 60 s; try again in 12 s"),
    431: RequestError(431, f"request line and headers are longer than the limit, {MAX_HEAD_BYTES} bytes"),
    500: Exception(),
    503: NotReady("the model is still loading"),
    504: DeadlineExceeded(200),
}
"""One of each status, for the examples."""
BODIES: Final[Sequence[type[BaseModel]]] = (RecommendationBody, EventsBody, MergeBody, ItemBody, ItemsBody)
"""Read by `json_body`, which the framework knows nothing of."""
EXAMPLE_REQUEST_ID: Final = "8f0c2f1f6b0e4d6c9a3b5d7e1f2a4c6e"

router = APIRouter(include_in_schema=False, dependencies=[needs()])


@router.get("/openapi.json")
async def openapi_json(request: Request, live: LiveModelDep, caller: CallerDep) -> Response:
    """The contract; its examples name items of the served bundle."""
    needs_key = caller.kind != "anonymous"
    if live.is_loaded:
        loaded = live.loaded
        document = contract(
            request.app,
            loaded.popular_item_ids,
            loaded.model.property_names,
            now=datetime.now(UTC).replace(microsecond=0),
            needs_key=needs_key,
        )
    else:
        document = contract(request.app, PLACEHOLDER_ITEM_IDS, needs_key=needs_key)
    return Response(orjson.dumps(document), media_type="application/json")


@router.get("/")
async def root() -> RedirectResponse:
    """People who open the address in a browser want the page."""
    return RedirectResponse("docs")


def contract(
    app: FastAPI,
    item_ids: Sequence[str],
    property_names: Sequence[str] = (),
    *,
    now: datetime = WHEN_WRITTEN,
    needs_key: bool = True,
) -> dict[str, Any]:
    """The OpenAPI document, with these items, and some of these catalogue columns, in its examples.

    `needs_key`: some key was made, so none is optional.
    """
    bodies = {
        RecommendationBody.__name__: examples(item_ids, [name for name in SHOWN_PROPERTIES if name in property_names]),
        EventsBody.__name__: event_examples(item_ids, now),
        MergeBody.__name__: {"merge": {"summary": "A guest logs in", "value": {"session_id": "s1"}}},
        ItemBody.__name__: {"price": {"summary": "A price and the stock", "value": {"price": 9.99, "in_stock": True}}},
        ItemsBody.__name__: item_examples(item_ids),
    }
    document = with_access(app.openapi(), needs_key=needs_key)
    schemas = dict(document["components"]["schemas"])
    for body in BODIES:
        schema = body.model_json_schema(ref_template=f"{SCHEMAS}{{model}}")
        schemas |= {**schema.pop("$defs", {}), body.__name__: schema}
    document["components"] = {**document["components"], "schemas": dict(sorted(schemas.items()))}
    document["paths"] = {
        path: {method: _complete(path, operation, bodies) for method, operation in operations.items()}
        for path, operations in document["paths"].items()
    }
    return document


def examples(item_ids: Sequence[str], property_names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Bodies by name; each is answered 200 when sent as it is."""
    newest_last = [
        {"item_id": item_id, "event_type": "purchase", "timestamp": f"2026-11-{day:02}T09:30:00Z"}
        for day, item_id in enumerate(item_ids, 20)
    ]
    last = list(item_ids[-1:])
    return {
        "history": {
            "summary": "A history in, ten products out",
            "value": {
                "history": [{"item_id": item_id} for item_id in item_ids],
                "return_properties": list(property_names),
            },
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
                "return_properties": list(property_names),
                "experiment": {"experiment_id": "e1", "variant_id": None},
            },
        },
        "no_history": {
            "summary": "A shopper nobody knows yet: popular items",
            "value": {"user": {"session_id": "s1"}, "k": 5},
        },
        "nothing_personal": {
            "summary": "A shopper who wants nothing personal: popular items",
            "value": {"user": {"personalise": False}, "k": 5},
        },
    }


def event_examples(item_ids: Sequence[str], now: datetime) -> dict[str, dict[str, Any]]:
    """As above; each is answered 202, and sending it again changes nothing."""
    instant = now.isoformat().replace("+00:00", "Z")
    first, last = item_ids[0], item_ids[-1]
    bought = {"event_type": "purchase", "timestamp": instant, "quantity": 2, "unit_price": 9.99, "currency": "EUR"}
    viewed = {"event_type": "detail-page-view", "timestamp": instant}
    return {
        "purchase": {
            "summary": "A purchase",
            "value": {"events": [{"event_id": "order-17-1", "user_id": "u1", "item_id": first, **bought}]},
        },
        "guest": {
            "summary": "A guest looked at something; Google's name for it is understood",
            "value": {"events": [{"event_id": "view-4711", "session_id": "s1", "item_id": last, **viewed}]},
        },
    }


def item_examples(item_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """As above."""
    offers = [{"item_id": item_id, "price": 9.99, "in_stock": True} for item_id in item_ids]
    return {"offers": {"summary": "Nightly prices and stock", "value": {"items": offers, "mode": "merge"}}}


def _complete(path: str, operation: Mapping[str, Any], bodies: Mapping[str, Any]) -> dict[str, Any]:
    """The operation with problem documents under their own media type, and examples of them and of its body."""
    responses = dict(operation["responses"])
    for status, response in responses.items():
        if int(status) >= 400:
            problem = problem_of(ERRORS[int(status)], path=path, request_id=EXAMPLE_REQUEST_ID)
            content = {**response["content"]["application/json"], "example": problem.model_dump()}
            responses[status] = {**response, "content": {MEDIA_TYPE: content}}
    completed = {**operation, "responses": responses}
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        of_body = bodies[schema["$ref"].removeprefix(SCHEMAS)]
        content = {**operation["requestBody"]["content"], "application/json": {"schema": schema, "examples": of_body}}
        completed["requestBody"] = {**operation["requestBody"], "content": content}
    return completed
