"""What a database's errors mean for the service."""

import os
import sqlite3
from typing import Final

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoFreeConnection

from models.domain.errors import StoreUnavailable

DatabaseFault = DBAPIError | NoFreeConnection | OSError
DATABASE_FAULTS: Final = (DBAPIError, NoFreeConnection, OSError)  # OSError: a server that does not accept connections

SQLITE_FAULTS: Final = frozenset(
    {
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_NOTADB,
    }
)
POSTGRESQL_FAULT_CLASSES: Final = (
    "08",  # connection lost
    "25006",  # a standby, which cannot write
    "28",  # wrong user or password
    "3D",  # no such database
    "42501",  # the user may not
    "53",  # too many connections, disk full
    "55P03",  # a lock that did not come free in time
    "57",  # the server stops, or the statement took too long
    "58",  # the server's own disk
    "XX",  # the server's own mistake
)
CONFLICTS: Final = ("40001", "40P01")
"""Serialisation failure and deadlock: the server undid one of the transactions and asks to run it again."""


def is_conflict(error: BaseException) -> bool:
    """Whether the same transaction may succeed when it runs once more."""
    return isinstance(error, DBAPIError) and _sqlstate(error) in CONFLICTS


def lost_connection(error: BaseException | None) -> bool:
    """Whether the connection broke that was there before; a new one may do."""
    return isinstance(error, DBAPIError) and error.connection_invalidated


def unavailable(place: str, error: DatabaseFault) -> StoreUnavailable | None:
    """The error to raise instead; None where the fault is not the database's but in our own SQL."""
    if not isinstance(error, DBAPIError):
        return StoreUnavailable(place, _reason(error))
    code = getattr(error.orig, "sqlite_errorcode", None)
    ours = error.connection_invalidated or _sqlstate(error).startswith(POSTGRESQL_FAULT_CLASSES) or is_conflict(error)
    return StoreUnavailable(place, _reason(error)) if ours or (code or 0) & 0xFF in SQLITE_FAULTS else None


def _sqlstate(error: DBAPIError) -> str:
    return str(getattr(error.orig, "sqlstate", None) or "")


def _reason(error: DatabaseFault) -> str:
    """The driver's own first line, without the statement, its parameters or the driver's class."""
    if isinstance(error, NoFreeConnection):
        return "all connections are taken"
    cause: BaseException = error
    if isinstance(error, DBAPIError) and error.orig is not None:
        cause = error.orig.__cause__ or error.orig
    if isinstance(cause, OSError) and cause.errno is not None and cause.errno > 0:
        return os.strerror(cause.errno)  # asyncio's own words leave out why
    text = str(getattr(cause, "strerror", None) or cause) or type(cause).__name__
    return text.splitlines()[0]
