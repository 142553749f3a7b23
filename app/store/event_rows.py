"""Events as rows: what one is, and how it is written and read within a transaction."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, select, text

from app.store.engine import Transaction
from app.store.tables import events, session_merges
from app.store.upsert import insert_into
from models.domain.events import EventType

IDS_A_QUERY: Final = 1000
ROWS_A_STEP: Final = 250
"""Between two steps of one transaction the event loop does other things; a step keeps it for about 5 ms."""
DETAILS: Final = ("quantity", "unit_price", "currency", "rating")
PUBLIC: Final = "\x1f"
"""Before and after the visitor's digest in a stored event_id that came with a publishable key. No id holds it, as it is
not printable."""
VISITOR_CHARACTERS: Final = 32
"""Of the digest: 128 bits."""
SHOPPERS_LOCK: Final = 0x66_69_67_65_76_65_6E_74  # "figevent"; names one of PostgreSQL's advisory locks


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that a shopper did, as the shop sent it."""

    item_id: str
    event_type: EventType
    timestamp: datetime
    """With its zone; kept to the microsecond, and told in UTC."""
    user_id: str | None = None
    """The account; a guest's event has it once the session was merged into one."""
    session_id: str | None = None
    event_id: str | None = None
    """One event has it, however often it is sent; without one nothing tells a repetition from a second event."""
    has_public_id: bool = False
    """Whether the event_id came with a publishable key. Such ids are apart from the shop's own: a visitor could send
    the id of an order, and the order itself would be taken for a repetition. They are each visitor's own, too: who
    guesses another's ids neither keeps events out nor learns whether they came."""
    recommendation_id: str | None = None
    quantity: float | None = None
    unit_price: float | None = None
    currency: str | None = None
    rating: float | None = None


async def lock_shoppers(transaction: Transaction, *, alone: bool) -> None:
    """Keeps apart those who join or erase shoppers (alone) and those who add guests' events (with each other).

    Without it an event could be stored after a merge had looked for it and before it could see the merge.
    SQLite has one writer at a time anyway.
    """
    if transaction.dialect.name == "postgresql":
        lock = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
        await transaction.execute(text(f"SELECT {lock}(:lock)"), {"lock": SHOPPERS_LOCK})


async def accounts_of(transaction: Transaction, session_ids: Sequence[str]) -> dict[str, str]:
    """Session → the account that it was merged into, for those that were."""
    found: dict[str, str] = {}
    for start in range(0, len(session_ids), IDS_A_QUERY):
        batch = session_ids[start : start + IDS_A_QUERY]
        query = select(session_merges.c.session_id, session_merges.c.user_id)
        rows = await transaction.execute(query.where(session_merges.c.session_id.in_(batch)))
        found |= {row.session_id: row.user_id for row in rows}
    return found


async def insert_new(
    transaction: Transaction, added: Sequence[Event], accounts: Mapping[str, str], now: datetime
) -> list[bool]:
    """For each event whether it is new; only new ones are written."""
    new: list[bool] = []
    for first in range(0, len(added), ROWS_A_STEP):
        new += await _insert_piece(transaction, added[first : first + ROWS_A_STEP], accounts, now)
    return new


async def _insert_piece(
    transaction: Transaction, added: Sequence[Event], accounts: Mapping[str, str], now: datetime
) -> list[bool]:
    ids = [_stored_id(event) for event in added]
    first = {event_id: place for place, event_id in reversed(list(enumerate(ids)))}
    candidates = [event_id is None or first[event_id] == place for place, event_id in enumerate(ids)]
    rows = [_row(event, accounts, now) for event, candidate in zip(added, candidates, strict=True) if candidate]
    insert = insert_into(events, transaction).on_conflict_do_nothing(index_elements=[events.c.event_id])
    written = set((await transaction.execute(insert.returning(events.c.event_id), rows)).scalars())
    return [
        candidate and (event_id is None or event_id in written)
        for event_id, candidate in zip(ids, candidates, strict=True)
    ]


def event_of(row: Row[Any]) -> Event:
    """The row as an object."""
    return Event(
        item_id=row.item_id,
        event_type=row.event_type,
        timestamp=row.timestamp,
        user_id=row.user_id,
        session_id=row.session_id,
        event_id=None if row.event_id is None else row.event_id.rpartition(PUBLIC)[2],
        has_public_id=row.event_id is not None and row.event_id.startswith(PUBLIC),
        recommendation_id=row.recommendation_id,
        **(row.details or {}),
    )


def _stored_id(event: Event) -> str | None:
    if not event.has_public_id or event.event_id is None:
        return event.event_id
    visitor = f"{event.user_id or ''}{PUBLIC}{event.session_id or ''}"
    digest = hashlib.sha256(visitor.encode()).hexdigest()[:VISITOR_CHARACTERS]
    return f"{PUBLIC}{digest}{PUBLIC}{event.event_id}"


def _row(event: Event, accounts: Mapping[str, str], now: datetime) -> dict[str, Any]:
    details = {name: value for name in DETAILS if (value := getattr(event, name)) is not None}
    user_id = event.user_id
    if user_id is None and event.session_id is not None:
        user_id = accounts.get(event.session_id)
    return {
        "event_id": _stored_id(event),
        "user_id": user_id,
        "session_id": event.session_id,
        "item_id": event.item_id,
        "event_type": event.event_type,
        "timestamp": event.timestamp,
        "recommendation_id": event.recommendation_id,
        "details": details or None,
        "received_at": now,
    }
