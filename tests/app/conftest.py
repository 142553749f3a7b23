"""A running application around the scripted model, and databases of both engines, each for one test alone."""

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Protocol

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.runtime.live_model import LiveModel
from app.runtime.workers import Workers
from app.store.engine import Database
from app.store.key_ring import ApiKey
from app.store.keys import KeyStore
from app.store.store import Store
from app.store.tables import metadata
from tests.app.scripted_model import ScriptedModel
from tests.postgresql import PostgresqlServer

MAX_IN_FLIGHT = 2
SQLITE_FILE = "figment.db"


@pytest.fixture
def model() -> ScriptedModel:
    """The model behind `client`."""
    return ScriptedModel()


@pytest.fixture
def live(model: ScriptedModel) -> LiveModel:
    """The state behind `client`."""
    return LiveModel(lambda: model, Workers(threads=2, max_in_flight=MAX_IN_FLIGHT))


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of SQLite with tables, to copy: faster than to migrate each one."""
    folder = tmp_path_factory.mktemp("migrated")
    asyncio.run(open_and_close(sqlite_url(folder)))
    return folder / SQLITE_FILE


@pytest.fixture
def open_store(migrated_file: Path, tmp_path: Path) -> Callable[[], Awaitable[Store]]:
    """An empty database for one test."""
    shutil.copy(migrated_file, tmp_path)
    return partial(Store.open, sqlite_url(tmp_path))


@pytest.fixture
def client(live: LiveModel, model: ScriptedModel, open_store: Callable[[], Awaitable[Store]]) -> Iterator[TestClient]:
    """A client of an application that has loaded."""
    failures: list[BaseException] = []
    with TestClient(
        create_app(live, open_store, on_load_failure=failures.append), base_url="http://localhost"
    ) as client:
        wait_until_loaded(client)
        model.asked.clear()  # what loading asked
        yield client
        model.gate.set()
    assert failures == []


class MakeKey(Protocol):
    """The key, and what is kept of it."""

    def __call__(self, *scopes: str, **options: object) -> tuple[str, ApiKey]: ...


@pytest.fixture
def make_key(tmp_path: Path) -> MakeKey:
    """Makes keys in the database behind `client`, as another process does."""
    return lambda *scopes, **options: key_made(sqlite_url(tmp_path), *scopes, **options)


@pytest.fixture(scope="class")
def class_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """One client for all examples that hypothesis tries."""
    live = LiveModel(ScriptedModel, Workers(threads=1, max_in_flight=MAX_IN_FLIGHT))
    open_store = partial(Store.open, sqlite_url(tmp_path_factory.mktemp("store")))
    failures: list[BaseException] = []
    with TestClient(
        create_app(live, open_store, on_load_failure=failures.append), base_url="http://localhost"
    ) as client:
        wait_until_loaded(client)
        yield client
    assert failures == []


def key_made(url: str, *scopes: str, **options: object) -> tuple[str, ApiKey]:
    """A key in the database there."""

    async def make() -> tuple[str, ApiKey]:
        database = await Database.open(url)
        try:
            return await KeyStore(database).create("the tests", scopes or ["recommend"], **options)
        finally:
            await database.close()

    return asyncio.run(make())


def bearer(key: str) -> dict[str, str]:
    """Headers that present a key."""
    return {"Authorization": f"Bearer {key}"}


def sqlite_url(folder: Path) -> str:
    """A database in a file there."""
    return f"sqlite+aiosqlite:///{folder / SQLITE_FILE}"


async def open_and_close(url: str) -> None:
    """Makes the tables there."""
    await (await Database.open(url)).close()


def wait_until_loaded(client: TestClient) -> None:
    """Returns when the startup probe says so."""
    give_up = time.monotonic() + 10
    while client.get("/health/startup").status_code != 200:
        assert time.monotonic() < give_up
        time.sleep(0.005)


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
    asyncio.run(open_and_close(postgresql.url(name)))
    return name


@pytest.fixture(scope="session")
def reused(postgresql: PostgresqlServer, migrated: str) -> str:
    """The database that one test after the other empties; hundreds of them would take minutes to delete."""
    return postgresql.new_database(template=migrated)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with tables and nothing in them."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("migrated_file"), tmp_path)
        return sqlite_url(tmp_path)
    server, name = request.getfixturevalue("postgresql"), request.getfixturevalue("reused")
    # a tenth of the time that TRUNCATE takes, which makes every table's files anew
    emptied = [f"DELETE FROM {table}" for table in sorted(set(metadata.tables) - {"catalogue"})]
    emptied.append("UPDATE catalogue SET revision = 0, seeded_from = NULL, seeding = NULL")
    emptied.append("ALTER SEQUENCE events_event_number_seq RESTART")
    server.psql("; ".join(emptied), name)
    return server.url(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def own_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A place for a test that changes the tables themselves."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    server = request.getfixturevalue("postgresql")
    return server.url(server.new_database(template=request.getfixturevalue("migrated")))
