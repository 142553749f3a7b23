"""A store of each engine, as the service opens it."""

from collections.abc import AsyncIterator

import pytest

from app.store.store import Store
from tests.app.conftest import Clock


@pytest.fixture
async def store(database_url: str, clock: Clock) -> AsyncIterator[Store]:
    """Open, empty, and closed after the test."""
    store = await Store.open(database_url, clock)
    yield store
    await store.close()
