import asyncio
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from app.runtime import served_lists as module
from app.runtime.recommendation_id import new_recommendation_id
from app.runtime.served_lists import ServedLists
from app.runtime.shoppers import Shoppers
from app.store.lists import ListStore, ServedList
from app.store.outcomes import Arm
from app.store.store import Store
from models.domain.errors import StoreUnavailable

pytestmark = pytest.mark.anyio

KEPT = timedelta(hours=25)


@pytest.fixture
async def lists(store):
    lists = ServedLists(store, kept=KEPT)
    yield lists
    await lists.close()


@pytest.fixture
def served(clock):
    def make(recommendation_id, **fields):
        made = ServedList(
            recommendation_id=recommendation_id, request={"k": 2}, model_version="m1", index_version="i1",
            items=[{"item_id": "tea", "score": 1.0}, {"item_id": "mug", "score": 0.5}],
            created_at=clock.now, expires_at=clock.now + KEPT,
        )  # fmt: skip
        return replace(made, **fields)

    return make


@pytest.fixture
def away(monkeypatch):
    """The database refuses lists while the flag is set."""
    is_away = asyncio.Event()
    add = ListStore.add

    async def refuse(self, *arguments, **named):
        if is_away.is_set():
            raise StoreUnavailable("the database", "gone")
        return await add(self, *arguments, **named)

    monkeypatch.setattr(ListStore, "add", refuse)
    return is_away


@pytest.fixture
def unwritable(served):
    """The database refuses a list of no model."""
    return lambda recommendation_id: served(recommendation_id, model_version=None)


async def until(holds):
    give_up = time.monotonic() + 60
    while not await holds():
        assert time.monotonic() < give_up
        await asyncio.sleep(0.01)


class TestRecord:
    async def test_writes_soon_and_by_itself(self, store, lists, served):
        lists.record(served("01J"))
        assert lists.num_waiting == 1

        async def is_written():
            return await store.lists.get("01J") is not None

        await until(is_written)
        assert await store.lists.get("01J") == served("01J")
        await until(lambda: asyncio.sleep(0, lists.num_waiting == 0))

    async def test_what_comes_too_fast_is_dropped_and_counted(self, store, served):
        lists = ServedLists(store, kept=KEPT, most_waiting=3)
        assert [lists.record(served(f"{number}J")) for number in range(5)] == [True] * 3 + [False] * 2
        assert (lists.num_waiting, lists.num_dropped) == (3, 2)
        await lists.close()
        assert set(await store.lists.get_many(f"{number}J" for number in range(5))) == {"0J", "1J", "2J"}

    async def test_long_lists_are_bounded_by_their_size(self, store, served):
        lists = ServedLists(store, kept=KEPT, most_waiting_bytes=100_000)
        for number in range(5):
            items = [{"item_id": f"item-{place}", "score": 0.5} for place in range(1000)]
            lists.record(served(f"{number}J", items=items))
        assert (lists.num_waiting, lists.num_dropped) == (2, 3)
        await lists.flush()
        lists.record(served("5J", items=items))  # there is room again
        assert (lists.num_waiting, lists.num_dropped) == (1, 3)
        await lists.close()

    async def test_what_is_no_json_is_dropped_at_once(self, lists, served):
        assert not lists.record(served("1J", request={"k": 10**20}))
        assert (lists.num_waiting, lists.num_dropped) == (0, 1)

    async def test_many_are_written_in_pieces(self, store, lists, served):
        for number in range(250):
            lists.record(served(f"{number}J"))
        await lists.flush()
        assert lists.num_waiting == 0
        assert len(await store.lists.get_many(f"{number}J" for number in range(250))) == 250

    async def test_adds_up_what_was_shown_by_arm(self, store, lists, served, clock):
        lists.record(served("1J"))
        lists.record(served("2J"), num_shown=1)
        lists.record(served("3J", experiment_id="e1", variant_id="a"))
        await lists.flush()
        plain, variant = Arm(model_version="m1"), Arm(model_version="m1", experiment_id="e1", variant_id="a")
        assert [(one.arm, one.lists, one.items_shown) for one in await store.outcomes.exposures(clock.now.date())] == [
            (plain, 2, 3),
            (variant, 1, 2),
        ]
        assert (await store.outcomes.items_by_times_shown(clock.now.date()))[plain] == {2: 1, 1: 1}

    async def test_a_write_that_is_tried_again_adds_nothing_twice(self, store, lists, served, clock):
        lists.record(served("1J"))
        await lists.flush()
        lists.record(served("1J"))
        await lists.flush()
        (one,) = await store.outcomes.exposures(clock.now.date())
        assert (one.lists, one.items_shown) == (1, 2)

    async def test_while_the_database_is_away_lists_wait(self, store, lists, served, away, monkeypatch):
        monkeypatch.setattr(module, "RETRY_SECONDS", 0.05)
        away.set()
        lists.record(served("1J"))
        with pytest.raises(StoreUnavailable):
            await lists.flush()
        await asyncio.sleep(0.5)
        lists.record(served("2J"))
        assert lists.num_waiting == 2
        away.clear()
        await until(lambda: asyncio.sleep(0, lists.num_waiting == 0))
        assert len(await store.lists.get_many(["1J", "2J"])) == 2

    async def test_one_that_cannot_be_written_keeps_no_other_back(self, store, lists, served, unwritable, clock):
        for one in (served("1J"), unwritable("2J"), served("3J")):
            lists.record(one)
        with capture_logs() as lines:
            await until(lambda: asyncio.sleep(0, lists.num_waiting == 0))
        lists.record(served("4J"))
        await until(lambda: asyncio.sleep(0, lists.num_waiting == 0))
        assert set(await store.lists.get_many(["1J", "2J", "3J", "4J"])) == {"1J", "3J", "4J"}
        assert [one.lists for one in await store.outcomes.exposures(clock.now.date())] == [3]
        assert lists.num_dropped == 1
        assert [line["event"] for line in lines] == ["a served list cannot be written"]


class TestTakeBack:
    async def test_leaves_no_trace(self, store, lists, served, clock):
        for number in range(3):
            lists.record(served(f"{number}J"))
        lists.take_back(["1J", "made up"])
        await lists.flush()
        assert set(await store.lists.get_many(["0J", "1J", "2J"])) == {"0J", "2J"}
        assert [one.lists for one in await store.outcomes.exposures(clock.now.date())] == [2]

    async def test_after_the_writing_keeps_what_is_written(self, store, lists, served):
        lists.record(served("1J"))
        await lists.flush()
        lists.take_back(["1J"])
        assert await lists.get("1J") == served("1J")


class TestFind:
    async def test_finds_lists_before_and_after_they_are_written(self, lists, served):
        lists.record(served("1J"))
        assert await lists.get("1J") == served("1J")
        await lists.flush()
        lists.record(served("2J"))
        assert await lists.find(["1J", "2J", "3J"]) == {"1J": served("1J"), "2J": served("2J")}
        assert await lists.get("3J") is None

    async def test_tells_of_their_items_likewise(self, lists, served):
        lists.record(served("1J", experiment_id="e1", variant_id="a"))
        asked = {"1J": {"mug", "pot"}, "2J": {"tea"}, "3J": {"tea"}}
        waiting = await lists.listed(asked)
        assert [(one.arm.variant_id, one.item_ids) for one in waiting.values()] == [("a", {"mug"})]
        await lists.flush()
        assert await lists.listed(asked) == waiting
        lists.record(served("2J"))
        assert set(await lists.listed(asked)) == {"1J", "2J"}

    async def test_waits_for_what_another_process_is_about_to_write(self, store, lists, served):
        fresh = new_recommendation_id()

        async def write_soon():
            await asyncio.sleep(0.1)
            await store.lists.add([served(fresh)])

        writing = asyncio.create_task(write_soon())
        assert await lists.get(fresh) == served(fresh)
        await writing

    async def test_does_not_wait_for_what_is_old_or_no_id_of_ours(self, lists):
        started = time.perf_counter()
        assert await lists.find(["01ARZ3NDEKTSV4RRFFQ69G5FAV", "made up"]) == {}
        assert time.perf_counter() - started < 2 * module.EVERY_SECONDS


class TestClose:
    async def test_writes_what_waits(self, store, served):
        lists = ServedLists(store, kept=KEPT)
        lists.record(served("1J"))
        await lists.close()
        assert await store.lists.get("1J") is not None

    async def test_gives_up_where_the_database_is_away(self, store, served, away):
        lists = ServedLists(store, kept=KEPT)
        lists.record(served("1J"))
        away.set()
        await lists.close()
        away.clear()
        assert await store.lists.get("1J") is None

    async def test_goes_on_after_one_that_cannot_be_written(self, store, served, unwritable):
        lists = ServedLists(store, kept=KEPT)
        lists.record(unwritable("1J"))
        lists.record(served("2J"))
        await lists.close()
        assert set(await store.lists.get_many(["1J", "2J"])) == {"2J"}


class TestErase:
    """Whichever comes first, no list of an erased shopper is there afterwards."""

    async def test_covers_lists_that_wait(self, store, lists, served):
        lists.record(served("1J", user_id="u1"))
        lists.record(served("2J", user_id="u2"))
        await store.events.merge("s1", "u1")
        lists.record(served("3J", session_id="s1"))
        await Shoppers(store, lists).erase("u1")
        await lists.flush()
        assert set(await lists.find(["1J", "2J", "3J"])) == {"2J"}

    async def test_covers_lists_that_are_made_meanwhile(self, store, lists, served, clock):
        """Asked for before the erasure, answered after it."""
        await store.events.merge("s1", "u1")
        asked = [served("1J", user_id="u1"), served("2J", user_id="u2"), served("3J", session_id="s1")]
        clock.forward(seconds=1)
        await Shoppers(store, lists).erase("u1")
        for one in asked:
            lists.record(one)
        await lists.flush()
        assert set(await store.lists.get_many(["1J", "2J", "3J"])) == {"2J"}

    async def test_covers_lists_of_another_process(self, store, served, database_url, clock):
        other = await Store.open(database_url, clock)
        lists_there = ServedLists(other, kept=KEPT)
        lists_there.record(served("1J", user_id="u1"))
        await store.events.erase("u1")
        await lists_there.close()
        assert await store.lists.get("1J") is None
        await other.close()

    async def test_covers_nothing_that_is_asked_later(self, store, lists, served, clock):
        await Shoppers(store, lists).erase("u1")
        clock.forward(seconds=6)
        lists.record(served("1J", user_id="u1"))
        await lists.flush()
        assert await store.lists.get("1J") is not None

    async def test_goes_on_after_a_list_that_cannot_be_written(self, store, lists, served, unwritable):
        lists.record(served("1J", user_id="u1"))
        lists.record(unwritable("2J"))
        await Shoppers(store, lists).erase("u1")
        assert await lists.find(["1J", "2J"]) == {}

    async def test_at_any_moment_of_writing(self, store, lists, served, clock):
        for turn in range(8):
            for number in range(30):
                lists.record(served(f"{turn}-{number}", user_id=f"u{turn}"))
            writing = asyncio.create_task(lists.flush())
            await asyncio.sleep(turn * 0.004)
            await asyncio.gather(writing, store.events.erase(f"u{turn}"))
            assert await store.lists.get_many(f"{turn}-{number}" for number in range(30)) == {}
            clock.forward(seconds=10)

    async def test_leaves_nothing_that_tells_who_it_was(self, store, clock):
        await store.events.erase("u1")
        clock.forward(days=1, seconds=1)
        await store.events.erase("u2")
        assert await store.purge() == 1
