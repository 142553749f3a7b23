"""What shoppers do, and what is stored about them."""

from collections.abc import Sequence

from figment_client.answers import EventsAnswer, EventsPage, MergeAnswer, StoredEvent
from figment_client.inputs import Event
from figment_client.operation import Operation, Series

EVENTS_OF_USER = "/v1/users/{user_id}/events"


def post_events(*, events: Sequence[Event], idempotency_key: str | None = None) -> Operation[EventsAnswer]:
    """Stores up to 1,000 events; a bad one fails alone, with its index in `errors`.

    Sent again where no answer came if each has an `event_id`, or all of them an `idempotency_key`.
    """
    return Operation(
        "POST",
        "/v1/events",
        headers={"Idempotency-Key": idempotency_key},
        body={"events": events},
        has_identity=idempotency_key is not None or all(event.get("event_id") for event in events),
    )


def list_events(user_id: str, *, limit: int | None = None, cursor: str | None = None) -> Operation[EventsPage]:
    """A page of what is stored about a shopper, newest first; NotFound where that is nothing."""
    return Operation("GET", EVENTS_OF_USER, {"user_id": user_id}, {"limit": limit, "cursor": cursor})


def iterate_events(user_id: str, *, limit: int | None = None) -> Series[StoredEvent]:
    """All that is stored about a shopper, newest first, `limit` events with each request."""
    return Series(lambda cursor: list_events(user_id, limit=limit, cursor=cursor), "events")


def merge_session(user_id: str, *, session_id: str) -> Operation[MergeAnswer]:
    """A guest's events become the account's."""
    return Operation("POST", "/v1/users/{user_id}:merge", {"user_id": user_id}, body={"session_id": session_id})


def erase_user(user_id: str) -> Operation[None]:
    """Every trace of a shopper goes, whether or not there was one."""
    return Operation("DELETE", "/v1/users/{user_id}", {"user_id": user_id})


def erase_session(session_id: str) -> Operation[None]:
    """Every trace of a guest goes, whether or not there was one; what an account has of the session stays."""
    return Operation("DELETE", "/v1/sessions/{session_id}", {"session_id": session_id})
