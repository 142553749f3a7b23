"""The connection to the database: opened and brought up to date, and every transaction run through it."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.observability.logs import get_log
from app.store import postgresql, sqlite
from app.store.faults import DATABASE_FAULTS, is_conflict, lost_connection, unavailable
from app.store.group_commit import GroupCommit
from app.store.held_file import HeldFile
from app.store.location import Engine, StoreLocation, locate_store
from app.store.migrate import migrate
from app.store.scrubbing import scrub
from models.domain.errors import StoreUnavailable

Result = TypeVar("Result")
Transaction = AsyncConnection
"""Handed from `Database.write` or `read` to the stores; what happens in one is kept as a whole or not at all."""

Work = Callable[[Transaction], Awaitable[Result]]

log = get_log(__name__)

TRIES: Final = 6  # of a transaction that the server undid; the last waits come near a second
FIRST_PAUSE_SECONDS: Final = 0.02


class Database:
    """Runs transactions. Made by `open`, which also brings the tables up to date.

    On SQLite one connection writes and several read beside it; on PostgreSQL all come from one pool, but for
    statements alone, which have a small one of their own.
    A transaction goes on to its end when its caller is cancelled: an answer that nobody waits for any more
    must not leave a connection in the middle of something.
    """

    def __init__(
        self,
        location: StoreLocation,
        file: HeldFile | None,
        writer: AsyncEngine,
        reader: AsyncEngine,
        alone: AsyncEngine,
    ) -> None:
        self.place = location.place
        self._file = file
        """Of SQLite."""
        self.engine: Engine = location.engine
        self._writer = writer
        self._reader = reader
        self._alone = alone
        self._running: set[asyncio.Task[Any]] = set()
        self._group_commit = GroupCommit(lambda work: self._once(writer, work))

    @classmethod
    async def open(cls, url: str, *, connections: int = 8) -> Self:
        """The database at the URL, created or migrated where that is needed; several processes may do so at once.

        Raises SettingsRefused for a URL that cannot be used, StoreUnavailable where nothing answers there, and
        StoreVersionUnknown where a newer version of the program made the tables.
        """
        location = locate_store(url)
        # aiosqlite tells each statement with its parameters at level debug: whole histories; Alembic chats at info
        for chatty in ("aiosqlite", "alembic"):
            logging.getLogger(chatty).setLevel(logging.WARNING)
        rooms = sqlite if location.engine == "sqlite" else postgresql
        try:
            file = _held(location.file) if location.file else None
        except OSError as error:
            raise unavailable(location.place, error) or error from None
        database = cls(location, file, *rooms.make_engines(location, connections))
        try:
            await database._once(database._writer, lambda connection: migrate(connection, location))
            await database._finish_erasures()
        except BaseException:
            await database.close()
            raise
        return database

    async def close(self) -> None:
        """Waits for running transactions and closes all connections."""
        if self._running:
            await asyncio.wait(self._running)
        try:
            for engine in {self._writer, self._reader, self._alone}:
                await engine.dispose()
        finally:
            file, self._file = self._file, None
            if file:
                file.let_go()

    async def read(self, work: Work[Result], *, within: Transaction | None = None) -> Result:
        """What `work` returns; all its queries see one moment. `within`: a transaction that runs already."""
        if within is not None:
            return await work(within)
        return await self._finish(self._once(self._reader, work))

    async def write(self, work: Work[Result], *, within: Transaction | None = None) -> Result:
        """What `work` returns, after the commit; an error undoes all of it.

        `work` runs again where the server asks for that (deadlock), so it must not keep anything of a run that failed.
        On SQLite, writes that wait for each other share a commit; each is still kept or undone as a whole.
        """
        if within is not None:
            return await work(within)
        if self.engine == "sqlite":
            return await self._finish(self._group_commit.write(work))
        return await self._finish(self._until_settled(work))

    async def alone(self, work: Work[Result]) -> Result:
        """What `work` returns, which sends one statement that needs no other beside it.

        On PostgreSQL that takes one round trip, where a transaction takes several; on SQLite it is a write.
        """
        try:
            return await self._finish(self._once(self._alone, work))
        except StoreUnavailable as error:
            if not lost_connection(error.__cause__):
                raise
        return await self._finish(self._once(self._alone, work))  # the server was restarted meanwhile

    async def check(self) -> None:
        """Raises StoreUnavailable where the database does not answer."""
        await self.read(lambda connection: connection.execute(text("SELECT 1")))

    async def scrub(self, names: Sequence[str] | None = None) -> None:
        """After an erasure: none of the names is left in the files of SQLite; None: of earlier, unfinished ones.

        PostgreSQL's own housekeeping (autovacuum) does the same in its time.
        """
        if self._file:
            await self._finish(scrub(self._writer, self._file, self.place, names))

    async def _finish_erasures(self) -> None:
        """Of processes that did not live to do it."""
        try:
            await self.scrub()
        except StoreUnavailable as error:  # no reason not to serve; the next erasure or start tries again
            log.warning("an earlier erasure is not finished", reason=str(error))

    async def _until_settled(self, work: Work[Result]) -> Result:
        for retry in range(TRIES - 1):
            try:
                return await self._once(self._writer, work, conflicts_pass=True)
            except DATABASE_FAULTS as error:
                if not is_conflict(error):
                    raise
            await asyncio.sleep(FIRST_PAUSE_SECONDS * 2**retry * (0.5 + random.random()))  # noqa: S311  no secret
        return await self._once(self._writer, work)

    async def _once(self, engine: AsyncEngine, work: Work[Result], *, conflicts_pass: bool = False) -> Result:
        try:
            async with engine.begin() as connection:
                return await work(connection)
        except DATABASE_FAULTS as error:
            told = unavailable(self.place, error)
            if told is None or (conflicts_pass and is_conflict(error)):
                raise
            raise told from error

    async def _finish(self, transaction: Coroutine[Any, Any, Result]) -> Result:
        task = asyncio.ensure_future(transaction)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)


def _held(file: Path) -> HeldFile:
    file.parent.mkdir(parents=True, exist_ok=True)
    return HeldFile.hold(file)
