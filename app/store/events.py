"""What shoppers did: added at least once, kept once, read as a history or page by page, joined and erased."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Final

from sqlalchemy import ColumnElement, Result, Row, Select, and_, func, or_, select, update

from app.store.columns import EPOCH, Clock, utc_now
from app.store.engine import Database, Transaction, Work
from app.store.erasure import Erased, erase_session, erase_shopper
from app.store.event_rows import Event, accounts_of, event_of, insert_new, lock_shoppers
from app.store.paging import Page, read_cursor, write_cursor
from app.store.tables import events, session_merges
from app.store.upsert import insert_into
from models.domain.errors import CursorRefused
from models.domain.events import HISTORY_EVENT_TYPES, EventType, HistoryEvent
from models.domain.recommendation import MAX_HISTORY_EVENTS

LIST_NAME: Final = "events"
ROWS_AT_ONCE: Final = 5_000
"""Of all events, in memory."""
MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class EventsAdded:
    """What became of the events of one request."""

    new: Sequence[bool]
    """For each event, in order, whether it is stored now and was not before."""

    @property
    def accepted(self) -> int:
        """How many are new."""
        return sum(self.new)

    @property
    def duplicates(self) -> int:
        """How many were there already, or earlier in the same request."""
        return len(self.new) - self.accepted


class EventStore:
    """Reads and writes events. What is read is always that of one account, one session, or both."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def add(self, added: Sequence[Event], *, within: Transaction | None = None) -> EventsAdded:
        """Stores those that are not there yet, all in one transaction; durable when it returns.

        They may come in any order and again and again. A guest's event goes to the account that its session
        was merged into, whenever that was.
        """
        guests = sorted({e.session_id for e in added if e.user_id is None and e.session_id is not None})

        async def work(transaction: Transaction) -> EventsAdded:
            accounts: dict[str, str] = {}
            if guests:
                await lock_shoppers(transaction, alone=False)
                accounts = await accounts_of(transaction, guests)
            return EventsAdded(await insert_new(transaction, added, accounts, self._clock()))

        return await self._database.write(work, within=within)

    async def history(
        self,
        *,
        user_id: str | None = None,
        session_id: str | None = None,
        limit: int = MAX_HISTORY_EVENTS,
        event_types: Sequence[EventType] = HISTORY_EVENT_TYPES,
        within: Transaction | None = None,
    ) -> list[HistoryEvent]:
        """The newest events of these types, oldest first; those of one instant in the order in which they came.

        With both ids: the account's events and those of the session that no account has.
        """
        parts = [_newest(query, event_types, limit) for query in _of_shopper(user_id, session_id)]

        async def work(transaction: Transaction) -> list[Any]:
            return [row for part in parts for row in await transaction.execute(part)]

        found = sorted(await self._database.read(work, within=within), key=lambda row: (row[0], row[1]))
        return [HistoryEvent(row[2], row[3], row[0].timestamp()) for row in found[-limit:]]

    async def newest_histories(self, limit: int) -> list[list[HistoryEvent]]:
        """What the newest `limit` stored events make: a history for each account, and for each session without one.

        Each is oldest first and at most as long as a posted one; events that are no history are left out.
        """
        columns = (events.c.timestamp, events.c.event_number, events.c.item_id, events.c.event_type)
        of_types = select(*columns, events.c.user_id, events.c.session_id).where(
            events.c.event_type.in_(HISTORY_EVENT_TYPES)
        )
        query = of_types.order_by(events.c.event_number.desc()).limit(limit)
        found = await self._database.read(lambda transaction: transaction.execute(query))
        # tens of thousands of rows: read beside the event loop
        return await asyncio.to_thread(_histories, found)

    async def page(self, user_id: str, limit: int, cursor: str | None = None) -> Page[Event]:
        """An account's events, newest first, every field as it was sent. Raises CursorRefused."""
        query = select(events).where(events.c.user_id == user_id)
        if cursor is not None:
            query = query.where(_before(cursor))
        query = query.order_by(events.c.timestamp.desc(), events.c.event_number.desc()).limit(limit + 1)
        found = (await self._database.read(lambda transaction: transaction.execute(query))).all()
        if len(found) <= limit:
            return Page([event_of(row) for row in found], None)
        last = found[limit - 1]
        cursor = write_cursor(LIST_NAME, (last.timestamp - EPOCH) // MICROSECOND, last.event_number)
        return Page([event_of(row) for row in found[:limit]], cursor)

    async def all(self, rows_at_once: int = ROWS_AT_ONCE) -> AsyncIterator[Sequence[Event]]:
        """Every event that is stored when it begins and not erased until its turn, in the order in which they came.

        Each piece is a read of its own: nothing waits for whoever takes long to write them down.
        """
        newest = select(func.max(events.c.event_number))
        last = (await self._database.read(lambda transaction: transaction.execute(newest))).scalar_one() or 0
        number = 0
        while number < last:
            of_piece = select(events).where(events.c.event_number > number, events.c.event_number <= last)
            query = of_piece.order_by(events.c.event_number).limit(rows_at_once)
            found = await self._database.read(partial(_rows, query=query))
            if not found:
                return
            yield [event_of(row) for row in found]
            number = found[-1].event_number

    async def count(self) -> int:
        """How many events there are."""
        query = select(func.count()).select_from(events)
        return int((await self._database.read(lambda transaction: transaction.execute(query))).scalar_one())

    async def merge(self, session_id: str, user_id: str, *, within: Transaction | None = None) -> int:
        """How many of a guest's events belong to the account now and did not before; later ones follow by themselves.

        Events that another account has stay with it.
        """

        async def work(transaction: Transaction) -> int:
            await lock_shoppers(transaction, alone=True)
            insert = insert_into(session_merges, transaction)
            merged = insert.values(session_id=session_id, user_id=user_id, merged_at=self._clock())
            await transaction.execute(
                merged.on_conflict_do_update(
                    index_elements=[session_merges.c.session_id],
                    set_={"user_id": merged.excluded.user_id, "merged_at": merged.excluded.merged_at},
                    where=session_merges.c.user_id != merged.excluded.user_id,
                )
            )
            of_guest = and_(events.c.session_id == session_id, events.c.user_id.is_(None))
            return (await transaction.execute(update(events).where(of_guest).values(user_id=user_id))).rowcount

        return await self._database.write(work, within=within)

    async def erase(self, user_id: str) -> Erased:
        """Takes away every stored trace of the account and of the sessions merged into it, in every table, and
        on SQLite in the files too. Erasing again, or somebody unknown, succeeds and finds nothing.

        Sums that name nobody stay. Raises StoreUnavailable where another process keeps the files from being
        cleaned; erasing again then cleans them.
        """
        return await self._erase(lambda transaction: erase_shopper(transaction, user_id, self._clock()))

    async def erase_session(self, session_id: str) -> Erased:
        """The same of a guest. What an account has of the session, by a merge or by events of its own, stays there."""
        return await self._erase(lambda transaction: erase_session(transaction, session_id, self._clock()))

    async def _erase(self, work: Work[tuple[Erased, Sequence[str]]]) -> Erased:
        erased, names = await self._database.write(work)
        await self._database.scrub(names)
        return erased


async def _rows(transaction: Transaction, *, query: Select[Any]) -> Sequence[Row[Any]]:
    found: Sequence[Row[Any]] = (await transaction.execute(query)).all()
    return found


def _histories(found: Result[Any]) -> list[list[HistoryEvent]]:
    histories: dict[tuple[str | None, str | None], list[HistoryEvent]] = {}
    for row in sorted(found, key=lambda row: (row.timestamp, row.event_number)):
        shopper = (row.user_id, None if row.user_id else row.session_id)
        histories.setdefault(shopper, []).append(HistoryEvent(row.item_id, row.event_type, row.timestamp.timestamp()))
    return [history[-MAX_HISTORY_EVENTS:] for history in histories.values()]


def _of_shopper(user_id: str | None, session_id: str | None) -> list[ColumnElement[bool]]:
    """One condition for each index that helps."""
    assert user_id is not None or session_id is not None, "a history is somebody's"
    if session_id is None:
        return [events.c.user_id == user_id]
    if user_id is None:
        return [events.c.session_id == session_id]
    return [events.c.user_id == user_id, and_(events.c.session_id == session_id, events.c.user_id.is_(None))]


def _newest(condition: ColumnElement[bool], event_types: Sequence[EventType], limit: int) -> Select[Any]:
    columns = (events.c.timestamp, events.c.event_number, events.c.item_id, events.c.event_type)
    of_types = select(*columns).where(condition, events.c.event_type.in_(event_types))
    return of_types.order_by(events.c.timestamp.desc(), events.c.event_number.desc()).limit(limit)


def _before(cursor: str) -> ColumnElement[bool]:
    microseconds, number = read_cursor(LIST_NAME, cursor, int, int)
    try:
        instant = EPOCH + microseconds * MICROSECOND
    except OverflowError:
        raise CursorRefused(LIST_NAME) from None
    # the first condition is the index's, the second settles what happened at one instant
    earlier = or_(events.c.timestamp < instant, events.c.event_number < number)
    return and_(events.c.timestamp <= instant, earlier)
