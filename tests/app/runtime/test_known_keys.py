import asyncio
import time

import pytest
from structlog.testing import capture_logs

from app.runtime import known_keys
from app.runtime.known_keys import KnownKeys, any_key_made
from app.store.engine import Database
from app.store.keys import KeyStore
from models.domain.errors import NotReady, StoreUnavailable
from tests.app.conftest import sqlite_url

pytestmark = pytest.mark.anyio


class WatchedStore(KeyStore):
    """A real one that counts what it is asked, and whose database can be away or slow."""

    away = False
    seconds = 0.0

    def __init__(self, database):
        super().__init__(database)
        self.read = 0
        self.noted = []

    async def ring(self):
        self.read += 1
        await asyncio.sleep(self.seconds)
        if self.away:
            raise StoreUnavailable("there", "gone")
        return await super().ring()

    async def note_use(self, key_id):
        self.noted.append(key_id)
        await super().note_use(key_id)


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    """What takes seconds elsewhere takes hundredths here."""
    monkeypatch.setattr(known_keys, "EVERY_SECONDS", 0.05)
    monkeypatch.setattr(known_keys, "LOOK_AGAIN_SECONDS", 0.02)


@pytest.fixture
async def database(tmp_path):
    database = await Database.open(sqlite_url(tmp_path))
    yield database
    await database.close()


@pytest.fixture
async def store(database):
    return WatchedStore(database)


@pytest.fixture
async def known(store):
    """Opened, and not yet following."""
    known = KnownKeys()
    await known.open(store)
    return known


@pytest.fixture
async def following(known):
    task = asyncio.create_task(known.follow())
    yield known
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def until(condition):
    give_up = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < give_up
        await asyncio.sleep(0.01)


class TestFind:
    async def test_key_that_was_just_made_elsewhere_works_at_once(self, known, database):
        secret, made = await KeyStore(database).create("another process", ["recommend"])
        assert await known.find(secret) == made

    async def test_known_keys_ask_nothing_of_the_database(self, known, store):
        secret, made = await store.create("shop", ["recommend"])
        await known.find(secret)
        before = store.read
        for _ in range(100):
            assert await known.find(secret) == made
        assert await known.find(f"{secret}x") is None  # a wrong secret of a known key
        assert store.read == before

    async def test_guesses_cost_few_looks(self, known, store):
        guesses = [f"figsk_{number:012x}_{'s' * 43}" for number in range(200)]
        started = time.monotonic()
        assert await asyncio.gather(*map(known.find, guesses)) == [None] * 200
        assert store.read <= 2 + (time.monotonic() - started) / known_keys.LOOK_AGAIN_SECONDS

    async def test_what_could_be_no_key_is_not_looked_for(self, known, store):
        before = store.read
        for text in ("", "password", "figsk_", "x" * 5000):
            assert await known.find(text) is None
        assert store.read == before

    async def test_does_not_wait_long_for_a_slow_database(self, known, store, monkeypatch):
        monkeypatch.setattr(known_keys, "WAIT_SECONDS", 0.05)
        store.seconds = 30
        started = time.monotonic()
        assert await known.find(f"figsk_0123456789ab_{'s' * 43}") is None
        assert time.monotonic() - started < 10


class TestFollow:
    async def test_key_that_was_revoked_elsewhere_ends(self, following, store, database):
        secret, made = await store.create("shop", ["recommend"])
        assert await following.find(secret) == made
        await KeyStore(database).revoke(made.key_id)
        await until(lambda: following.ring.find(secret) is None)
        assert not following.ring.is_empty

    async def test_first_key_closes_an_open_service(self, following, store):
        assert following.ring.is_empty
        await store.create("shop", ["recommend"])
        await until(lambda: not following.ring.is_empty)

    async def test_pages_of_a_new_publishable_key_are_known(self, following, store):
        await store.create("page", ["recommend"], kind="publishable", origins=["https://shop.example"])
        await until(lambda: following.origins == {"https://shop.example"})

    async def test_day_of_use_is_noted_once(self, following, store):
        secret, made = await store.create("shop", ["recommend"])
        for _ in range(3):
            await following.find(secret)
        await until(lambda: following.ring.get(made.key_id).last_used_on)
        await following.find(secret)
        before = store.read
        await until(lambda: store.read > before + 2)
        assert store.noted == [made.key_id]

    async def test_goes_on_after_what_nobody_foresaw(self, following, store, monkeypatch):
        secret, made = await store.create("shop", ["recommend"])
        await following.find(secret)
        failed = []

        def once(name):
            works = getattr(store, name)

            async def call(*arguments):
                if name not in failed:
                    failed.append(name)
                    raise KeyError(name)
                return await works(*arguments)

            monkeypatch.setattr(store, name, call)

        once("note_use")
        once("ring")
        await until(lambda: set(failed) == {"note_use", "ring"})
        await store.revoke(made.key_id)
        await until(lambda: following.ring.find(secret) is None)


class TestWhileTheDatabaseIsAway:
    async def test_known_keys_go_on_and_the_log_tells_once(self, following, store):
        secret, made = await store.create("shop", ["recommend"])
        await following.find(secret)
        with capture_logs() as lines:
            store.away = True
            before = store.read
            await until(lambda: store.read > before + 3)
            assert await following.find(secret) == made
            store.away = False
            await until(lambda: len(lines) > 1)
        assert [line["event"] for line in lines] == ["API keys cannot be read", "API keys can be read again"]

    async def test_not_for_ever(self, known, monkeypatch):
        monkeypatch.setattr(known_keys, "TRUSTED_SECONDS", 0.0)
        await asyncio.sleep(0.01)
        with pytest.raises(NotReady, match="API keys"):
            await known.find(f"figsk_0123456789ab_{'s' * 43}")


class TestAnyKeyMade:
    async def test_counts_revoked_ones(self, tmp_path, store):
        assert not await any_key_made(sqlite_url(tmp_path))
        _, made = await store.create("shop", ["recommend"])
        await store.revoke(made.key_id)
        assert await any_key_made(sqlite_url(tmp_path))
