"""SQLite: one connection that writes, several that read beside it."""

import asyncio
import sqlite3
from collections.abc import Callable
from time import monotonic
from typing import Any, Final

from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app.store.location import StoreLocation

BUSY_MILLISECONDS: Final = 10_000  # for other processes, such as `figment keys`; within this one, writes queue up
PRAGMAS: Final = (
    f"busy_timeout = {BUSY_MILLISECONDS}",
    "journal_mode = WAL",  # readers go on while one writes
    "synchronous = FULL",  # a commit is on the disk when it returns
    "fullfsync = ON",  # macOS: through the disk's own cache; nothing elsewhere
    "secure_delete = ON",  # what is deleted is overwritten with zeros; the rest is in scrubbing.py
    "foreign_keys = ON",
    "temp_store = MEMORY",  # no traces in temporary files
    "trusted_schema = OFF",
    "cache_size = -65536",  # KiB: a transaction's pages are written once, at its commit
    "wal_autocheckpoint = 4000",  # pages: the log is moved into the database every 16 MiB, not with every request
    "journal_size_limit = 67108864",  # bytes of log kept after a large import
)
BUSY_PAUSE_SECONDS: Final = 0.01
WAIT_SECONDS: Final = 30.0  # for a free connection


def make_engines(location: StoreLocation, connections: int) -> tuple[AsyncEngine, AsyncEngine, AsyncEngine]:
    """The engine that writes, the one that reads, and again the one that writes, for statements alone."""
    writer = _engine(location, 1, "BEGIN IMMEDIATE", PRAGMAS)
    return writer, _engine(location, connections, "BEGIN", (*PRAGMAS, "query_only = ON")), writer


def _engine(location: StoreLocation, connections: int, begin: str, pragmas: tuple[str, ...]) -> AsyncEngine:
    engine = create_async_engine(
        location.url, pool_size=connections, max_overflow=0, pool_timeout=WAIT_SECONDS, hide_parameters=True
    )
    event.listen(engine.sync_engine, "connect", _prepare(pragmas))
    # the driver's own transactions begin at the first write and late; ours begin where they say so
    event.listen(engine.sync_engine, "begin", _begin(begin))
    return engine


def _prepare(pragmas: tuple[str, ...]) -> Callable[[Any, Any], None]:
    def prepare(connection: Any, _: Any) -> None:
        connection.isolation_level = None
        connection.run_async(lambda driver: _set(driver, pragmas))

    return prepare


async def _set(driver: Any, pragmas: tuple[str, ...]) -> None:
    for pragma in pragmas:
        deadline = monotonic() + BUSY_MILLISECONDS / 1000
        while True:
            try:
                async with driver.execute(f"PRAGMA {pragma}"):
                    break
            except sqlite3.OperationalError as error:
                # SQLite does not wait where processes make the log of one new file at once, whatever busy_timeout says
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or monotonic() > deadline:
                    raise
            await asyncio.sleep(BUSY_PAUSE_SECONDS)


def _begin(statement: str) -> Callable[[Connection], None]:
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(statement)

    return begin
