"""The contract, with examples that the served bundle really answers."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from fastapi import APIRouter, FastAPI, Request
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from app.api import MAX_BODY_BYTES
from app.api.auth import CallerDep, needs
from app.api.batch import BatchBody
from app.api.body import SCHEMAS
from app.api.concepts import ConceptsBody
from app.api.connection import MAX_HEAD_BYTES
from app.api.dependencies import LiveModelDep
from app.api.errors import problem_of
from app.api.events import EventsBody
from app.api.examples import (
    batch_examples,
    concept_examples,
    event_examples,
    fraud_item_examples,
    fraud_session_examples,
    image_examples,
    item_examples,
    merge_examples,
    offer_examples,
    recommendation_examples,
    search_examples,
    synthetic_examples,
)
from app.api.fields import refused
from app.api.fraud import FraudItemsBody, FraudSessionsBody
from app.api.idempotency import in_progress
from app.api.images import ImagesBody
from app.api.item_document import ItemBody
from app.api.item_import import ItemsBody
from app.api.list_request import RecommendationBody, SearchBody
from app.api.openapi_access import with_access
from app.api.problem import MEDIA_TYPE, FieldProblem, RequestError
from app.api.similar import SimilarQuery
from app.api.synthetic import ItemsMadeBody, SessionsBody
from app.api.users import MergeBody
from models.domain.errors import DeadlineExceeded, ModelLacks, NotReady
from models.fraud.open import REMEDY

WHEN_WRITTEN: Final = datetime(2026, 11, 24, 3, tzinfo=UTC)
"""In the examples of the document that is no service's answer."""
PLACEHOLDER_ITEM_IDS: Final = ("i9", "i7", "i3")
"""Where no bundle is loaded; unknown items are skipped with a warning, so the examples still answer."""
PLACEHOLDER_PROPERTIES: Final = ("title", "price")
"""What most catalogues have."""
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
ERRORS_OF: Final[Mapping[tuple[str, int], Exception]] = {
    ("/v1/fraud/sessions", 409): ModelLacks("fraud detector", "first", REMEDY),
    ("/v1/fraud/items", 409): ModelLacks("fraud detector", "first", REMEDY),
    ("/v1/images", 409): ModelLacks("pictures", "first", "make them with `figment images train`"),
    ("/v1/images/{job_id}", 409): HTTPException(409, "the job is running: its pictures are not there"),
}
"""Where another one is meant."""
BODIES: Final[Sequence[type[BaseModel]]] = (
    RecommendationBody,
    SearchBody,
    BatchBody,
    EventsBody,
    MergeBody,
    ItemBody,
    ItemsBody,
    ConceptsBody,
    SessionsBody,
    ItemsMadeBody,
    FraudSessionsBody,
    FraudItemsBody,
    ImagesBody,
)
"""Read by `json_body`, which the framework knows nothing of."""
LIST: Final = f"{SCHEMAS}RecommendationAnswer"
LINKS: Final[Mapping[str, Mapping[str, Any]]] = {
    "explanation": {
        "operationId": "explanation_v1_recommendations__recommendation_id__explanation_get",
        "parameters": {"recommendation_id": "$response.body#/recommendation_id"},
        "description": "Why the list is as it is.",
    },
    "similar": {
        "operationId": "similar_v1_items__item_id__similar_get",
        "parameters": {"item_id": "$response.body#/items/0/item_id"},
        "description": "What is like its first item.",
    },
}
"""Where one can go on to from every list."""


def _similar_to(item_id: str, description: str) -> Mapping[str, Any]:
    return {**LINKS["similar"], "parameters": {"item_id": f"$response.body#{item_id}"}, "description": description}


LINKS_OF: Final[Mapping[str, Mapping[str, Mapping[str, Any]]]] = {
    LIST: LINKS,
    f"{SCHEMAS}ConceptsAnswer": {"similar": _similar_to("/concepts/0/nearest/0/item_id", "More near the first one.")},
    f"{SCHEMAS}SessionsAnswer": {"similar": _similar_to("/sessions/0/events/0/item_id", "Like its first event's.")},
}
"""Where one can go on to from an answer, by its schema."""
LINKS_OF_JOB: Final[Mapping[str, Mapping[str, Any]]] = {
    "job": {
        "operationId": "get_job_v1_jobs__job_id__get",
        "parameters": {"job_id": "$response.body#/job_id"},
        "description": "How far the work is.",
    },
}
"""From the 202 of an answer that else has what a job makes."""
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
    property_names: Sequence[str] = PLACEHOLDER_PROPERTIES,
    *,
    now: datetime = WHEN_WRITTEN,
    needs_key: bool = True,
) -> dict[str, Any]:
    """The OpenAPI document, with these items, and some of these catalogue columns, in its examples.

    `needs_key`: some key was made, so none is optional.
    """
    bodies = {
        RecommendationBody.__name__: recommendation_examples(item_ids, property_names),
        SearchBody.__name__: search_examples(item_ids),
        BatchBody.__name__: batch_examples(item_ids),
        EventsBody.__name__: event_examples(item_ids, now),
        MergeBody.__name__: merge_examples(),
        ItemBody.__name__: item_examples(),
        ItemsBody.__name__: offer_examples(),
        ConceptsBody.__name__: concept_examples(item_ids),
        SessionsBody.__name__: synthetic_examples("num_sessions", item_ids),
        ItemsMadeBody.__name__: synthetic_examples("num_items", item_ids),
        FraudSessionsBody.__name__: fraud_session_examples(item_ids),
        FraudItemsBody.__name__: fraud_item_examples(property_names),
        ImagesBody.__name__: image_examples(),
    }
    document = with_access(app.openapi(), needs_key=needs_key)
    schemas = dict(document["components"]["schemas"])
    for body in BODIES:
        schema = body.model_json_schema(ref_template=f"{SCHEMAS}{{model}}")
        schemas |= {**schema.pop("$defs", {}), body.__name__: schema}
    schemas |= SimilarQuery.model_json_schema(ref_template=f"{SCHEMAS}{{model}}")["$defs"]
    document["components"] = {**document["components"], "schemas": dict(sorted(schemas.items()))}
    document["paths"] = {
        path: {method: _complete(path, operation, bodies) for method, operation in operations.items()}
        for path, operations in document["paths"].items()
    }
    return document


def _complete(path: str, operation: Mapping[str, Any], bodies: Mapping[str, Any]) -> dict[str, Any]:
    """The operation with problem documents under their own media type, and examples of them and of its body."""
    responses = dict(operation["responses"])
    for status, response in responses.items():
        if int(status) >= 400:
            problem = problem_of(
                ERRORS_OF.get((path, int(status)), ERRORS[int(status)]), path=path, request_id=EXAMPLE_REQUEST_ID
            )
            (described,) = response["content"].values()  # under the media type of the route's own answers
            content = {**described, "example": problem.model_dump()}
            responses[status] = {**response, "content": {MEDIA_TYPE: content}}
        elif links := LINKS_OF.get(_schema_of(response)):
            responses[status] = {**response, "links": LINKS_OF_JOB if status == "202" else links}
    completed = {**operation, "responses": responses}
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        of_body = bodies[schema["$ref"].removeprefix(SCHEMAS)]
        content = {**operation["requestBody"]["content"], "application/json": {"schema": schema, "examples": of_body}}
        completed["requestBody"] = {**operation["requestBody"], "content": content}
    return completed


def _schema_of(response: Mapping[str, Any]) -> str:
    """Where the schema of a JSON answer is; empty for others."""
    found: str = response.get("content", {}).get("application/json", {}).get("schema", {}).get("$ref", "")
    return found
