"""Erasing from SQLite's files, not from its tables alone.

With `secure_delete` a deleted row is overwritten. But where a page of a table was once split or merged, the room
that became free still holds copies of rows that moved on, and SQLite overwrites those only when it needs the room
(found by a test, with SQLite 3.40). So the files are searched, and rewritten (VACUUM) where something is left. SQLite's
`user_version` counts the erasures whose search is not finished, so that one that a process did not live to see is
made good at the next start.
"""

import asyncio
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from time import monotonic
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.store.held_file import CHUNK_BYTES, HeldFile
from app.store.sqlite import BUSY_PAUSE_SECONDS
from models.domain.errors import StoreUnavailable

MAX_NAMES: Final = 64  # more take longer to look for than the file takes to rewrite
MEMORY_BYTES: Final = 64 << 20  # a larger database is rewritten by way of a temporary file


async def note_erasure(transaction: AsyncConnection) -> None:
    """Within the transaction that erases: from its commit on, the files have to be searched."""
    pending = int((await transaction.exec_driver_sql("PRAGMA user_version")).scalar_one())
    await transaction.exec_driver_sql(f"PRAGMA user_version = {pending + 1}")


async def scrub(writer: AsyncEngine, file: HeldFile, place: str, names: Sequence[str] | None) -> None:
    """Leaves none of the names in the files; None: whichever names earlier erasures had.

    Raises StoreUnavailable where another process reads or writes for too long; the next erasure or start goes on.
    """
    async with writer.connect() as connection:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        try:
            pending = await _number(driver, "PRAGMA user_version")
            if not pending:
                return
            await _empty_log(driver)
            await driver.execute("BEGIN IMMEDIATE")  # nobody writes while the files are read
            try:
                # of an erasure beside this one the names are not known here
                unknown = names is None or pending > 1
                left = unknown or await asyncio.to_thread(_any_stands_in, file, names or ())
            finally:
                await driver.execute("COMMIT")
            if left:
                pending = await _rewrite(driver, file.path)
            await _settle(driver, pending if left else 1)
        except (sqlite3.Error, TimeoutError) as error:
            raise StoreUnavailable(place, f"{error}; what was erased may be left in its files") from error


async def _rewrite(driver: Any, file: Path) -> int:
    """All erasures that it covers."""
    pending = await _number(driver, "PRAGMA user_version")
    in_memory = file.stat().st_size <= MEMORY_BYTES
    await driver.execute(f"PRAGMA temp_store = {'MEMORY' if in_memory else 'FILE'}")
    try:
        await driver.execute("VACUUM")
    finally:
        await driver.execute("PRAGMA temp_store = MEMORY")
    await _empty_log(driver)
    return pending


async def _empty_log(driver: Any) -> None:
    """Moves the log of writes into the database and cuts it to nothing; waits for readers, as `busy_timeout` says.

    Raises TimeoutError after that. Where another process moves the log too, SQLite itself does not wait.
    """
    deadline = monotonic() + await _number(driver, "PRAGMA busy_timeout") / 1000
    while await _number(driver, "PRAGMA wal_checkpoint(TRUNCATE)"):
        if monotonic() > deadline:
            raise TimeoutError("somebody reads or writes for too long")
        await asyncio.sleep(BUSY_PAUSE_SECONDS)


async def _settle(driver: Any, finished: int) -> None:
    await driver.execute("BEGIN IMMEDIATE")
    try:
        pending = await _number(driver, "PRAGMA user_version")
        await driver.execute(f"PRAGMA user_version = {max(0, pending - finished)}")
    finally:
        await driver.execute("COMMIT")


async def _number(driver: Any, pragma: str) -> int:
    """The first value of the answer."""
    async with driver.execute(pragma) as cursor:
        (number, *_) = await cursor.fetchone()
    return int(number)


def _any_stands_in(file: HeldFile, names: Sequence[str]) -> bool:
    """Whether a name stands in the database or in its log of writes."""
    if len(names) > MAX_NAMES:
        return True
    wanted = [name.encode() for name in names]
    return any(_holds(chunks, wanted) for chunks in (file.chunks(), _chunks_of_log(file.path)))


def _chunks_of_log(file: Path) -> Iterator[bytes]:
    with file.with_name(f"{file.name}-wal").open("rb") as log:  # no lock of SQLite's is on this one
        while chunk := log.read(CHUNK_BYTES):
            yield chunk


def _holds(chunks: Iterable[bytes], wanted: Sequence[bytes]) -> bool:
    overlap = max(map(len, wanted)) - 1
    tail = b""
    for chunk in chunks:
        seen = tail + chunk
        if any(name in seen for name in wanted):
            return True
        tail = seen[-overlap:] if overlap else b""
    return False
