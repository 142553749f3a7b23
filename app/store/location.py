"""Where the store is: a checked URL, and words for it that never hold a password."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from models.domain.errors import SettingsRefused

Engine = Literal["sqlite", "postgresql"]

DRIVERS: Final[dict[str, tuple[Engine, str]]] = {
    "sqlite+aiosqlite": ("sqlite", "sqlite+aiosqlite"),
    "sqlite": ("sqlite", "sqlite+aiosqlite"),
    "postgresql+asyncpg": ("postgresql", "postgresql+asyncpg"),
    "postgresql": ("postgresql", "postgresql+asyncpg"),
    "postgres": ("postgresql", "postgresql+asyncpg"),
}
POSTGRESQL_OPTIONS: Final = ("host", "port", "ssl", "sslmode")
EXAMPLES: Final = "sqlite+aiosqlite:///var/figment.db or postgresql+asyncpg://user:password@host:5432/database"


@dataclass(frozen=True, slots=True)
class StoreLocation:
    """A database that the service can use."""

    engine: Engine
    url: URL
    place: str
    """Names host and database, never user or password."""
    file: Path | None
    """Of SQLite."""


def locate_store(text: str) -> StoreLocation:
    """What the URL names. Raises SettingsRefused, without repeating what may hold a password."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):  # a port that is no number, for one; the message would repeat its text
        raise SettingsRefused(f"the database URL cannot be read; it looks like {EXAMPLES}") from None
    if url.drivername not in DRIVERS:
        raise SettingsRefused(f"database {url.drivername!r} is none of SQLite and PostgreSQL; use {EXAMPLES}")
    engine, driver = DRIVERS[url.drivername]
    url = url.set(drivername=driver)
    return _sqlite(url) if engine == "sqlite" else _postgresql(url)


def _sqlite(url: URL) -> StoreLocation:
    if url.host or url.query or not url.database or url.database.startswith(":memory:"):
        raise SettingsRefused(
            "SQLite takes the path of a file and no options: sqlite+aiosqlite:///var/figment.db, "
            "or sqlite+aiosqlite:////srv/figment.db with four slashes from the root"
        )
    file = Path(url.database).absolute()
    return StoreLocation("sqlite", url.set(database=str(file)), f"SQLite database {file}", file)


def _postgresql(url: URL) -> StoreLocation:
    if unknown := sorted(set(url.query) - set(POSTGRESQL_OPTIONS)):
        known = ", ".join(POSTGRESQL_OPTIONS)
        raise SettingsRefused(f"unknown option {unknown[0]!r} in the database URL; known: {known}")
    host = url.host or url.query.get("host")
    if not host or not isinstance(host, str) or not url.database:
        raise SettingsRefused(f"the database URL names no host or no database; it looks like {EXAMPLES}")
    if mode := url.query.get("sslmode"):  # libpq's name for what asyncpg calls ssl
        url = url.difference_update_query(["sslmode"]).update_query_dict({"ssl": mode})
    port = url.port or url.query.get("port") or 5432
    return StoreLocation("postgresql", url, f"PostgreSQL database {url.database!r} at {host}:{port}", None)
