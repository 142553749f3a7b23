"""A store of each engine, as the service opens it; and processes of one shop on it, with a really trained bundle."""

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.runtime.bundles import Bundles
from app.runtime.live_model import LiveModel
from app.runtime.live_serving import LiveServing
from app.runtime.workers import Workers
from app.store.store import Store
from models.recommend.recommender import Recommender
from tests.app.conftest import Clock
from tests.second_bundle import write_second_bundle

StartProcess = Callable[[], AbstractContextManager[TestClient]]
START_SECONDS = 60


@pytest.fixture
async def store(database_url: str, clock: Clock) -> AsyncIterator[Store]:
    """Open, empty, and closed after the test."""
    store = await Store.open(database_url, clock)
    yield store
    await store.close()


@pytest.fixture(scope="session")
def bundles(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two bundles, and a damaged third."""
    root = tmp_path_factory.mktemp("bundles")
    write_second_bundle(tiny_bundle, root / "tiny-1")
    write_second_bundle(tiny_bundle, root / "tiny-2")
    damaged = write_second_bundle(tiny_bundle, root / "tiny-3")
    (damaged / "item_features.npy").write_bytes(b"")
    return root


@pytest.fixture
def start_process(bundles: Path, database_url: str) -> StartProcess:
    """Another process of the shop, as long as the context lasts; it begins with `tiny-1`."""

    @contextmanager
    def started() -> Iterator[TestClient]:
        live = LiveModel(None, Workers(threads=1, max_in_flight=8))
        failures: list[BaseException] = []

        def serve_from(store: Store) -> LiveServing:
            return LiveServing(live, store, Bundles(bundles, bundles / "tiny-1"), Recommender.open)

        app = create_app(
            live, partial(Store.open, database_url), on_load_failure=failures.append, serve_from=serve_from
        )
        with TestClient(app, base_url="http://localhost") as client:
            give_up = time.monotonic() + START_SECONDS
            while client.get("/health/startup").status_code != 200:
                assert not failures
                assert time.monotonic() < give_up
                time.sleep(0.02)
            yield client
        assert failures == []

    return started


@pytest.fixture
def process(start_process: StartProcess) -> Iterator[TestClient]:
    """One process of the shop."""
    with start_process() as client:
        yield client
