from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from structlog.testing import capture_logs

from app.runtime import request_counts
from app.runtime.request_counts import MemoryCounts, RequestCounts
from models.domain.errors import StoreUnavailable

pytestmark = pytest.mark.anyio


class Clock:
    def __init__(self):
        self.now = 60_000_000.37  # at whole seconds a share can be a whole number of hits, and floats decide by luck

    def __call__(self):
        return self.now


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def clock():
    return Clock()


def taken(counts, number, name="k", limit=10):
    return [counts.take(name, limit).taken for _ in range(number)].count(True)


class TestMemoryCounts:
    def test_the_limit_is_allowed_and_one_more_is_not(self, clock):
        counts = MemoryCounts(clock)
        assert taken(counts, 13) == 10
        assert taken(counts, 3, "other") == 3

    def test_the_window_before_counts_with_what_overlaps(self, clock):
        counts = MemoryCounts(clock)
        taken(counts, 10)
        clock.now += 90
        assert taken(counts, 10) == 6  # 29.63 s of it overlap: 4.9 of the ten
        clock.now += 120
        assert taken(counts, 20) == 10

    def test_refused_hits_are_not_counted(self, clock):
        counts = MemoryCounts(clock)
        assert [counts.take("k", 2).current for _ in range(4)] == [1, 2, 2, 2]

    @settings(max_examples=50)
    @given(steps=st.lists(st.tuples(st.integers(0, 45), st.sampled_from("ab")), max_size=40), limit=st.integers(1, 12))
    async def test_decides_as_the_package_s_own_storage(self, steps, limit):
        clock = Clock()
        counts, theirs = MemoryCounts(clock), SlidingWindowCounterRateLimiter(MemoryStorage())
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("limits.aio.storage.memory.time.time", clock)
            patch.setattr("limits.aio.strategies.time.time", clock)
            for seconds, name in steps:
                clock.now += seconds
                ours = counts.take(name, limit)
                assert ours.taken == await theirs.hit(RateLimitItemPerMinute(limit), name)
                stats = await theirs.get_window_stats(RateLimitItemPerMinute(limit), name)
                assert ours.remaining == stats.remaining

    def test_forgets_what_no_longer_counts(self, clock):
        counts = MemoryCounts(clock)
        for name in range(1000):
            counts.take(str(name), 10)
        clock.now += 130
        counts.take("k", 10)
        assert len(counts._counts) == 1

    def test_makes_room_where_too_many_ask(self, clock, monkeypatch):
        monkeypatch.setattr(request_counts, "MAX_COUNTS", 100)
        monkeypatch.setattr(request_counts, "ROOM_FOR_COUNTS", 90)
        counts, sizes = MemoryCounts(clock), []
        for name in range(1000):
            counts.take(str(name), 10)
            sizes.append(len(counts._counts))
        assert max(sizes) <= 100
        assert sum(later < earlier for earlier, later in pairwise(sizes)) < 100  # not with each new one


class TestRequestCounts:
    class Away:
        """A shared storage whose database is away until it is told otherwise."""

        def __init__(self):
            self.asked = 0

        async def take(self, name, limit, seconds):
            self.asked += 1
            raise StoreUnavailable("there", "gone")

    async def test_counts_by_itself_while_the_database_is_away(self):
        counts, away = RequestCounts(), self.Away()
        counts._shared = away
        with capture_logs() as lines:
            windows = [await counts.take("k", 3) for _ in range(5)]
        assert [window.taken for window in windows] == [True, True, True, False, False]
        assert away.asked == 1  # and not with each request
        assert [line["event"] for line in lines] == ["requests are counted by this process alone"]
