"""Databases of both engines, each empty and for one test alone."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from app.store.engine import Database
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
    """A database to copy: faster than to migrate each one."""
    name = postgresql.new_database()

    async def open_and_close() -> None:
        await (await Database.open(postgresql.url(name))).close()

    asyncio.run(open_and_close())
    return name


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path) -> str:
    """A place for tables; on PostgreSQL they are there already."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'figment.db'}"
    server: PostgresqlServer = request.getfixturevalue("postgresql")
    return server.url(server.new_database(template=request.getfixturevalue("migrated")))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Open, and closed after the test."""
    database = await Database.open(database_url)
    yield database
    await database.close()
