"""Databases of both engines, each empty and for one test alone."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.store.engine import Database
from app.store.tables import metadata
from tests.postgresql import PostgresqlServer


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 3, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **time: float) -> None:
        self.now += timedelta(**time)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def migrated(postgresql: PostgresqlServer) -> str:
    """A database with tables, to empty or to copy: faster than to migrate each one."""
    name = postgresql.new_database()

    async def open_and_close() -> None:
        await (await Database.open(postgresql.url(name))).close()

    asyncio.run(open_and_close())
    return name


@pytest.fixture(scope="session")
def reused(postgresql: PostgresqlServer, migrated: str) -> str:
    """The database that one test after the other empties; hundreds of them would take minutes to delete."""
    return postgresql.new_database(template=migrated)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A place with nothing in it; on PostgreSQL the tables are there already."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'figment.db'}"
    server, name = request.getfixturevalue("postgresql"), request.getfixturevalue("reused")
    emptied = ", ".join(set(metadata.tables) - {"catalogue"})
    server.psql(f"TRUNCATE {emptied} RESTART IDENTITY; UPDATE catalogue SET revision = 0, seeded_from = NULL", name)
    return server.url(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def own_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A place for a test that changes the tables themselves."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'figment.db'}"
    server = request.getfixturevalue("postgresql")
    return server.url(server.new_database(template=request.getfixturevalue("migrated")))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Open, and closed after the test."""
    database = await Database.open(database_url)
    yield database
    await database.close()
