import asyncio
import time
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter, SlidingWindowCounterRateLimiter
from sqlalchemy import text, update

from app.store.rate_limits import RateLimitStorage
from app.store.tables import rate_counters
from models.domain.errors import StoreUnavailable
from tests.app.store.child import child, finished

pytestmark = pytest.mark.anyio

TEN = RateLimitItemPerMinute(10)


@pytest.fixture
def storage(database, clock):
    return RateLimitStorage(database, clock)


async def allowed(limiter, number, key="k1", item=TEN):
    return [await limiter.hit(item, key) for _ in range(number)].count(True)


class TestSlidingWindow:
    async def test_the_limit_is_allowed_and_one_more_is_not(self, storage):
        limiter = SlidingWindowCounterRateLimiter(storage)
        assert await allowed(limiter, 13) == 10
        assert await allowed(limiter, 3, "k2") == 3
        assert (await limiter.get_window_stats(TEN, "k1")).remaining == 0
        assert not await limiter.test(TEN, "k1")

    async def test_the_previous_window_counts_with_its_share(self, storage, clock):
        limiter = SlidingWindowCounterRateLimiter(storage)  # the clock stands at a full minute
        await allowed(limiter, 10)
        clock.forward(seconds=90)  # half of the ten count
        assert await allowed(limiter, 10) == 5
        clock.forward(seconds=120)
        assert await allowed(limiter, 20) == 10

    async def test_a_cost_above_the_limit_never_fits(self, storage):
        limiter = SlidingWindowCounterRateLimiter(storage)
        assert not await limiter.hit(TEN, "k1", cost=11)
        assert await limiter.hit(TEN, "k1", cost=10)

    async def test_forgets_when_it_is_told_to(self, storage):
        limiter = SlidingWindowCounterRateLimiter(storage)
        await allowed(limiter, 10)
        await storage.clear_sliding_window(TEN.key_for("k1"), TEN.get_expiry())
        assert await allowed(limiter, 20) == 10

    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(steps=st.lists(st.tuples(st.integers(0, 45), st.integers(1, 6)), max_size=25), limit=st.integers(1, 12))
    async def test_decides_as_the_package_s_own_storage_in_memory(self, storage, clock, monkeypatch, steps, limit):
        clock.forward(seconds=0.37)  # at whole seconds a share can be a whole number of hits, and floats decide by luck
        item, key = RateLimitItemPerMinute(limit), f"k{clock.now.timestamp()}"
        memory = MemoryStorage()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("limits.aio.storage.memory.time.time", lambda: clock().timestamp())
            ours, theirs = SlidingWindowCounterRateLimiter(storage), SlidingWindowCounterRateLimiter(memory)
            for seconds, cost in steps:
                clock.forward(seconds=seconds)
                assert await ours.hit(item, key, cost=cost) == await theirs.hit(item, key, cost=cost)
                assert await ours.get_window_stats(item, key) == await theirs.get_window_stats(item, key)
        clock.forward(hours=1, seconds=-0.37)


class TestFixedWindow:
    async def test_begins_anew_when_it_is_over(self, storage, clock):
        limiter = FixedWindowRateLimiter(storage)
        assert await allowed(limiter, 13) == 10
        clock.forward(seconds=59)
        assert await allowed(limiter, 3) == 0
        assert await storage.get_expiry(TEN.key_for("k1")) == datetime(2026, 11, 24, 3, 1, tzinfo=UTC).timestamp()
        clock.forward(seconds=1)
        assert await allowed(limiter, 3) == 3
        assert await storage.get(TEN.key_for("k1")) == 3

    async def test_a_key_that_was_never_hit_is_free(self, storage, clock):
        assert await storage.get("k") == 0
        assert await storage.get_expiry("k") == clock.now.timestamp()

    async def test_forgets_when_it_is_told_to(self, storage):
        limiter = FixedWindowRateLimiter(storage)
        await allowed(limiter, 10)
        await limiter.clear(TEN, "k1")
        assert await allowed(limiter, 2) == 2
        assert await storage.reset() == 1
        assert await storage.get(TEN.key_for("k1")) == 0


class TestManyAtOnce:
    @pytest.mark.parametrize("strategy", [SlidingWindowCounterRateLimiter, FixedWindowRateLimiter])
    async def test_never_let_one_too_many_through(self, storage, strategy):
        limiter = strategy(storage)
        hits = await asyncio.gather(*(limiter.hit(TEN, "k1") for _ in range(40)))
        assert hits.count(True) == 10

    async def test_a_hit_that_another_one_forestalled_is_told_when_to_come_back(self, storage, database):
        assert (await storage.take("key", 10, 60)).taken
        ready, go_on = asyncio.Event(), asyncio.Event()

        async def nine_more(transaction):
            await transaction.execute(update(rate_counters).values(hits=10))
            ready.set()
            await go_on.wait()

        others = asyncio.create_task(database.write(nine_more))
        await ready.wait()
        hit = asyncio.create_task(storage.take("key", 10, 60))
        await asyncio.sleep(0.3)
        go_on.set()
        await others
        window = await hit
        assert (window.taken, window.current, window.remaining) == (False, 10, 0)
        assert window.seconds_until_next > 0

    async def test_two_processes_share_the_limit(self, database, database_url):
        body = """
            from limits import RateLimitItemPerHour
            from limits.aio.strategies import SlidingWindowCounterRateLimiter
            from app.store.rate_limits import RateLimitStorage
            database = await Database.open(url)
            limiter = SlidingWindowCounterRateLimiter(RateLimitStorage(database))
            say("ready")
            say([await limiter.hit(RateLimitItemPerHour(100), "k1") for _ in range(90)].count(True))
            await database.close()
        """
        from limits import RateLimitItemPerHour

        while 3600 - time.time() % 3600 < 60:  # both belong to one hour
            await asyncio.sleep(1)
        limiter = SlidingWindowCounterRateLimiter(RateLimitStorage(database))
        with child(database_url, body) as process:
            assert process.stdout.readline() == "ready\n"
            ours = await allowed(limiter, 90, item=RateLimitItemPerHour(100))
            assert ours + int(finished(process)) == 100


class TestStorage:
    async def test_windows_that_are_over_are_purged(self, storage, clock):
        await allowed(SlidingWindowCounterRateLimiter(storage), 3)
        await allowed(FixedWindowRateLimiter(storage), 3, "k2")
        clock.forward(seconds=60)
        assert await storage.purge() == 1
        clock.forward(seconds=60)
        assert await storage.purge() == 1

    async def test_knows_whether_the_database_answers(self, storage, database, monkeypatch):
        assert await storage.check()

        async def fail():
            raise StoreUnavailable("there", "gone")

        monkeypatch.setattr(database, "check", fail)
        assert not await storage.check()

    async def test_nothing_of_a_key_is_in_the_table(self, storage, database):
        await allowed(FixedWindowRateLimiter(storage), 1, "10.1.2.3")
        rows = await database.read(lambda transaction: transaction.execute(text("SELECT * FROM rate_counters")))
        assert "10.1.2.3" not in repr(rows.all())

    async def test_postgresql_does_not_log_the_counters(self, postgresql, migrated):
        assert postgresql.psql("SELECT relpersistence FROM pg_class WHERE relname = 'rate_counters'", migrated) == "u"
