"""Databases of both engines, each empty and for one test alone."""

from collections.abc import AsyncIterator

import pytest

from app.store.engine import Database


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Open, and closed after the test."""
    database = await Database.open(database_url)
    yield database
    await database.close()
