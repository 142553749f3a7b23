"""`POST /v1/events`: what shoppers do, stored before it is answered."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request
from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from starlette.responses import Response

from app.api import MAX_LARGE_BODY_BYTES
from app.api.auth import CallerDep, needs
from app.api.body import read_json, request_body
from app.api.dependencies import EventIntakeDep, StoreDep
from app.api.fields import field_problems, told_together
from app.api.idempotency import PARAMETER, claim, idempotency_key, in_progress
from app.api.parts import AnswerPart, OrAnything, RequestPart
from app.api.problem import Problem
from app.api.shop_event import ShopEvent
from app.runtime.event_intake import EventIntake
from app.store.engine import Transaction
from app.store.event_rows import Event
from app.store.events import EventsAdded
from app.store.idempotency import Done
from app.store.store import Store

MAX_EVENTS: Final = 1000
PROBLEMS_TOLD: Final = 3
"""Of one event; a thousand events may each have some."""

router = APIRouter(prefix="/v1", tags=["events"], dependencies=[needs("events", publishable=True)])


@dataclass(frozen=True, slots=True)
class RefusedEvent:
    """An event that breaks the rules; it keeps no other back."""

    detail: str


def _or_refusal(value: Any, check: ValidatorFunctionWrapHandler) -> ShopEvent | RefusedEvent:
    try:
        event: ShopEvent = check(value)
    except ValidationError as error:
        problems = field_problems(error, most=PROBLEMS_TOLD)
        return RefusedEvent(told_together(problems, num_found=error.error_count(), whole="the event"))
    return event


_OrAnything = OrAnything("Told in `errors`, with its index; the other events are stored.")


class EventsBody(RequestPart):
    """Events in any order, of any shoppers."""

    events: list[Annotated[ShopEvent, WrapValidator(_or_refusal), _OrAnything]] = Field(max_length=MAX_EVENTS)


class EventProblem(AnswerPart):
    """Why one event was not taken."""

    index: int
    """Its place in `events`, from 0."""
    detail: str


class EventsAnswer(AnswerPart):
    """What became of the events. What is accepted is on the disk."""

    accepted: int
    duplicates: int
    """Known by their `event_id`, from earlier or from this request; they change nothing."""
    errors: list[EventProblem]


@router.post(
    "/events",
    status_code=202,
    summary="Store what shoppers did",
    response_model=EventsAnswer,
    responses={status: {"model": Problem} for status in (400, 408, 409, 413, 415, 422, 431, 500, 503)},
    openapi_extra={
        "requestBody": request_body(EventsBody),
        "parameters": [PARAMETER],
    },
)
async def post_events(request: Request, store: StoreDep, intake: EventIntakeDep, caller: CallerDep) -> Response:
    """Safe to send again: an event with an `event_id` counts once, and so does a request with an `Idempotency-Key`.

    A bad event is told in `errors` and keeps no other back.
    """
    key = idempotency_key(request)
    body, raw = await read_json(request, EventsBody, max_bytes=MAX_LARGE_BODY_BYTES)
    events, errors = _sorted_out(body.events, intake.refusal(), has_public_ids=caller.kind == "publishable")

    def answer(added: EventsAdded) -> str:
        told = EventsAnswer(accepted=added.accepted, duplicates=added.duplicates, errors=errors)
        return told.model_dump_json()

    if key is None:
        return _accepted(answer(await intake.take(events)))
    whose = _visitors(body.events) if caller.kind == "publishable" else ()
    claimed = await claim(store, (caller.key_id or "", "POST", "/v1/events", *whose), key, raw)
    if isinstance(claimed, Done):
        return _accepted(claimed.answer)
    return _accepted(await _once(store, intake, events, claimed.token, answer))


async def _once(
    store: Store, intake: EventIntake, events: Sequence[Event], token: str, answer: Callable[[EventsAdded], str]
) -> str:
    """Stores the events and the answer in one transaction; the claim is given back where that fails."""

    failed = AsyncExitStack()
    failed.push_async_callback(store.idempotency.release, token)

    async def finish(transaction: Transaction, added: EventsAdded) -> None:
        if not await store.idempotency.complete(token, 202, answer(added), within=transaction):
            failed.pop_all()
            raise in_progress()  # it took so long that somebody else carries it out; this transaction is undone

    async with failed:
        told = answer(await intake.take(events, finish))
        failed.pop_all()
    return told


def _visitors(sent: Sequence[ShopEvent | RefusedEvent]) -> list[str]:
    """All that the events name: many visitors share a publishable key, and none may meet another's requests."""
    pairs = {(one.user_id or "", one.session_id or "") for one in sent if isinstance(one, ShopEvent)}
    return [name for pair in sorted(pairs) for name in pair]


def _sorted_out(
    sent: Sequence[ShopEvent | RefusedEvent], refusal: Callable[[Event], str | None], *, has_public_ids: bool
) -> tuple[list[Event], list[EventProblem]]:
    """What can be stored, and what is wrong with the rest."""
    events: list[Event] = []

    def problems() -> Iterator[EventProblem]:
        for index, one in enumerate(sent):
            if isinstance(one, RefusedEvent):
                yield EventProblem(index=index, detail=one.detail)
                continue
            event = one.to_event(has_public_id=has_public_ids)
            if detail := refusal(event):
                yield EventProblem(index=index, detail=detail)
            else:
                events.append(event)

    return events, list(problems())


def _accepted(answer: str) -> Response:
    return Response(answer, status_code=202, media_type="application/json")
