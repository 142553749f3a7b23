"""Takes away all that is stored about a shopper."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Table, Text, and_, case, cast, delete, func, null, or_, select

from app.store.engine import Transaction
from app.store.event_rows import lock_shoppers
from app.store.jobs import NAME_NOBODY
from app.store.mentions import Mentions, written_forms
from app.store.recent_erasures import note_erased
from app.store.scrubbing import note_erasure
from app.store.tables import events, idempotency_keys, jobs, served_lists, session_merges

IDS_A_QUERY: Final = 500
NAMES_A_QUERY: Final = 30
DOCUMENTS_A_QUERY: Final = 20
"""Some are megabytes long."""


@dataclass(frozen=True, slots=True)
class Erased:
    """Rows that are gone."""

    events: int
    lists: int
    merges: int
    answers: int
    """Stored answers to idempotent requests that named the shopper."""
    jobs: int
    """Jobs whose payload, error or result, unless a model made it up, named the shopper; one that runs finds its lease
    gone."""


async def erase_shopper(transaction: Transaction, user_id: str, now: datetime) -> tuple[Erased, Sequence[str]]:
    """Deletes the account's own rows, and guests' rows of every session that was merged into it or that it used.
    Also tells every name, in every form, that must not be left anywhere.

    Rows of another account that used the same session are that account's.
    """
    await lock_shoppers(transaction, alone=True)
    merged = select(session_merges.c.session_id).where(session_merges.c.user_id == user_id)
    used = select(events.c.session_id).where(events.c.user_id == user_id, events.c.session_id.is_not(None))
    session_ids = list((await transaction.execute(merged.union(used))).scalars())
    return await _erase(transaction, user_id, session_ids, now)


async def erase_session(transaction: Transaction, session_id: str, now: datetime) -> tuple[Erased, Sequence[str]]:
    """Deletes a guest's rows. What an account has of the session, and that it has it, is the account's."""
    await lock_shoppers(transaction, alone=True)
    return await _erase(transaction, None, [session_id], now)


async def _erase(
    transaction: Transaction, user_id: str | None, session_ids: Sequence[str], now: datetime
) -> tuple[Erased, Sequence[str]]:
    names = [*([] if user_id is None else [user_id]), *session_ids]
    erased = Erased(
        events=await _delete_of_shopper(transaction, events, user_id, session_ids),
        lists=await _delete_of_shopper(transaction, served_lists, user_id, session_ids),
        merges=0 if user_id is None else await _delete_merges(transaction, user_id),
        answers=await _delete_naming(transaction, idempotency_keys, [_text(idempotency_keys.c.answer)], names),
        jobs=await _delete_naming(transaction, jobs, _documents_of_jobs(), names),
    )
    await note_erased(transaction, names, now)
    if transaction.dialect.name == "sqlite":
        await note_erasure(transaction)
    return erased, sorted({form for name in names for form in written_forms(name)})


async def _delete_of_shopper(
    transaction: Transaction, table: Table, user_id: str | None, session_ids: Sequence[str]
) -> int:
    gone = 0 if user_id is None else await _delete_rows(transaction, table, table.c.user_id == user_id)
    for start in range(0, len(session_ids), IDS_A_QUERY):
        batch = session_ids[start : start + IDS_A_QUERY]
        gone += await _delete_rows(transaction, table, and_(table.c.user_id.is_(None), table.c.session_id.in_(batch)))
    return gone


async def _delete_merges(transaction: Transaction, user_id: str) -> int:
    return await _delete_rows(transaction, session_merges, session_merges.c.user_id == user_id)


def _text(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return cast(column, Text)


def _documents_of_jobs() -> Sequence[ColumnElement[Any]]:
    result = case((jobs.c.kind.in_(NAME_NOBODY), null()), else_=_text(jobs.c.result))
    return _text(jobs.c.payload), result, _text(jobs.c.error)


async def _delete_naming(
    transaction: Transaction, table: Table, documents: Sequence[ColumnElement[Any]], names: Sequence[str]
) -> int:
    """Deletes rows whose documents hold a name: erasing `u1` leaves what is about `u10`, erasing `5` a count of 5."""
    (key,) = table.primary_key.columns
    gone = 0
    for start in range(0, len(names), NAMES_A_QUERY):
        batch = names[start : start + NAMES_A_QUERY]
        forms, mentions = {form for name in batch for form in written_forms(name)}, Mentions(batch)
        position = func.strpos if transaction.dialect.name == "postgresql" else func.instr
        holds = or_(*(position(each, form) > 0 for each in documents for form in forms))
        suspects = list((await transaction.execute(select(key).where(holds))).scalars())
        for first in range(0, len(suspects), DOCUMENTS_A_QUERY):
            some = key.in_(suspects[first : first + DOCUMENTS_A_QUERY])
            rows = await transaction.execute(select(key, *documents).where(some))
            found = await asyncio.to_thread(_keys_of_those_with, mentions, [tuple(row) for row in rows])
            gone += await _delete_rows(transaction, table, key.in_(found)) if found else 0
    return gone


def _keys_of_those_with(mentions: Mentions, rows: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Off the event loop: documents of jobs are megabytes."""
    return [key for key, *documents in rows if any(each and mentions.any_in(each) for each in documents)]


async def _delete_rows(transaction: Transaction, table: Table, condition: Any) -> int:
    return int((await transaction.execute(delete(table).where(condition))).rowcount)
