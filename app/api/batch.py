"""`POST /v1/recommendations:batch`: many questions in one request, each answered as it would be alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from starlette.responses import Response

from app.api import MAX_LARGE_BODY_BYTES
from app.api.answering import Refusal, answer_lists
from app.api.asking import AskingDep
from app.api.auth import needs
from app.api.body import json_body, request_body
from app.api.dependencies import TIMEOUT_PARAMETER, room_for_lists
from app.api.errors import problem_of
from app.api.fields import field_problems, refused
from app.api.list_answer import RecommendationAnswer
from app.api.list_request import RecommendationBody
from app.api.parts import AnswerPart, OrAnything, RequestPart
from app.api.problem import FieldProblem, Problem, RequestError

MAX_REQUESTS: Final = 256

router = APIRouter(prefix="/v1", tags=["recommendations"], dependencies=[needs("recommend")])


@dataclass(frozen=True, slots=True)
class RefusedEntry:
    """An entry that breaks the rules; it keeps no other back."""

    problems: Sequence[FieldProblem]
    """As if it stood alone."""
    num_found: int


def _or_refusal(value: Any, check: ValidatorFunctionWrapHandler) -> RecommendationBody | RefusedEntry:
    try:
        body: RecommendationBody = check(value)
    except ValidationError as error:
        return RefusedEntry(field_problems(error), error.error_count())
    return body


class BatchBody(RequestPart):
    """What `POST /v1/recommendations` takes, several times."""

    requests: list[
        Annotated[
            RecommendationBody,
            WrapValidator(_or_refusal),
            OrAnything("Told in its own result; the other requests are answered."),
        ]
    ] = Field(max_length=MAX_REQUESTS)


class FailedEntry(AnswerPart):
    """Instead of an answer."""

    error: Problem
    """What the request would have been answered alone; pointers lead through the whole body."""


class BatchAnswer(AnswerPart):
    """One result a request, in their order."""

    results: list[RecommendationAnswer | FailedEntry]


BodyDep = Annotated[BatchBody, Depends(json_body(BatchBody, max_bytes=MAX_LARGE_BODY_BYTES))]


@router.post(
    "/recommendations:batch",
    summary="Recommend products for many histories",
    response_model=BatchAnswer,
    responses={status: {"model": Problem} for status in (400, 408, 413, 415, 422, 431, 500, 503, 504)},
    openapi_extra={"requestBody": request_body(BatchBody), "parameters": [TIMEOUT_PARAMETER]},
    dependencies=[Depends(room_for_lists)],
)
async def recommend_batch(asking: AskingDep, body: BodyDep) -> Response:
    """Each is answered as it would be alone, and in pieces of many: cheaper than as many requests.

    A bad one fails alone. A time limit holds for all of them together.
    """
    sent: Sequence[RecommendationBody | RefusedEntry] = body.requests
    answers = iter(await answer_lists(asking, [one for one in sent if isinstance(one, RecommendationBody)]))
    found = [_refusal_of(one) if isinstance(one, RefusedEntry) else next(answers) for one in sent]
    results = [
        FailedEntry(error=_problem(asking.request, number, one)) if isinstance(one, Exception) else one
        for number, one in enumerate(found)
    ]
    # not handed to the framework, which would check thousands of items that were just made
    told = BatchAnswer.model_construct(results=results).model_dump_json(exclude_unset=True)
    return Response(told, media_type="application/json")


def _refusal_of(entry: RefusedEntry) -> RequestError:
    return refused(entry.problems, num_found=entry.num_found)


def _problem(request: Request, number: int, refusal: Refusal) -> Problem:
    """As the request would be answered alone, with pointers into the batch."""
    problem = problem_of(refusal, path=request.url.path, request_id=request.state.request_id)
    errors = [FieldProblem(pointer=f"/requests/{number}{one.pointer}", detail=one.detail) for one in problem.errors]
    return problem.model_copy(update={"errors": errors})
