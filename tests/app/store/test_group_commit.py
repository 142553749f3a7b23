import asyncio
import contextvars
import time

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError

from app.store import group_commit
from app.store.engine import Database
from app.store.items import ItemStore
from models.domain.errors import StoreUnavailable

pytestmark = pytest.mark.anyio

NAME = contextvars.ContextVar("name", default="nobody")


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """However busy the machine is, those that wait join."""
    monkeypatch.setattr(group_commit, "SECONDS", 10.0)


@pytest.fixture
async def database(tmp_path):
    database = await Database.open(f"sqlite+aiosqlite:///{tmp_path / 'figment.db'}")
    yield database
    await database.close()


@pytest.fixture
def items(database):
    return ItemStore(database)


@pytest.fixture
def commits(database):
    """Grows with each commit."""
    seen = []
    event.listen(database._writer.sync_engine, "commit", seen.append)
    return seen


def put(items, item_id, error=None):
    async def work(transaction):
        await items.put(item_id, {}, within=transaction)
        if error:
            raise error
        return item_id

    return work


async def at_once(database, works):
    return await asyncio.gather(*(database.write(work) for work in works), return_exceptions=True)


async def stored(items):
    return sorted(item.item_id for item in (await items.page(100)).rows)


class TestWrite:
    async def test_those_that_wait_share_a_commit(self, database, items, commits):
        told = await at_once(database, [put(items, f"item-{number}") for number in range(20)])
        assert told == [f"item-{number}" for number in range(20)]
        assert await items.count() == 20
        assert len(commits) <= 3

    async def test_one_alone_has_its_own(self, database, items, commits):
        await database.write(put(items, "a"))
        await database.write(put(items, "b"))
        assert len(commits) == 2

    @pytest.mark.parametrize("failing", [0, 2, 4])
    async def test_one_that_fails_is_undone_alone(self, database, items, failing):
        error = ZeroDivisionError("mine")
        works = [put(items, f"item-{number}", error if number == failing else None) for number in range(5)]
        told = await at_once(database, works)
        assert told[failing] is error
        assert await stored(items) == [f"item-{number}" for number in range(5) if number != failing]

    async def test_a_fault_of_the_database_hits_only_whose_it_is(self, database, items):
        """SQLite undoes a whole transaction when the disk is full: the others run again."""

        async def full(transaction):
            await items.put("lost", {}, within=transaction)
            raise OperationalError("INSERT", {}, NoRoom())

        told = await at_once(database, [put(items, "a"), put(items, "b"), full, put(items, "c")])
        assert isinstance(told.pop(2), StoreUnavailable)
        assert told == ["a", "b", "c"]
        assert await stored(items) == ["a", "b", "c"]

    async def test_a_transaction_that_sqlite_gave_up_loses_nobody_s_write(self, database, items):
        async def undoes_all(transaction):
            await transaction.execute(text("ROLLBACK"))
            raise ZeroDivisionError

        told = await at_once(database, [put(items, "a"), undoes_all, put(items, "b")])
        assert (told[0], told[2]) == ("a", "b")
        assert isinstance(told[1], Exception)
        assert await stored(items) == ["a", "b"]

    async def test_a_commit_that_fails_is_told_to_all_who_share_it(self, database, items, tmp_path):
        def refuse(connection):
            raise OperationalError("COMMIT", {}, NoRoom())

        event.listen(database._writer.sync_engine, "commit", refuse)
        told = await at_once(database, [put(items, "a"), put(items, "b")])
        event.remove(database._writer.sync_engine, "commit", refuse)
        assert [type(answer) for answer in told] == [StoreUnavailable] * 2
        assert await stored(items) == []

    async def test_where_no_transaction_begins_all_are_told(self, database, items, tmp_path):
        def refuse(connection):
            raise OperationalError("BEGIN", {}, NoRoom())

        event.listen(database._writer.sync_engine, "begin", refuse)
        told = await at_once(database, [put(items, str(number)) for number in range(3)])
        event.remove(database._writer.sync_engine, "begin", refuse)
        assert [type(answer) for answer in told] == [StoreUnavailable] * 3
        assert await database.write(put(items, "later")) == "later"

    async def test_nothing_joins_a_long_one(self, database, items, commits, monkeypatch):
        monkeypatch.setattr(group_commit, "SECONDS", 0.5)

        async def slow(transaction):
            await asyncio.sleep(0.6)

        await at_once(database, [slow, put(items, "a"), put(items, "b")])
        assert len(commits) == 2

    async def test_sees_what_came_before_it_in_the_group(self, database, items):
        async def count(transaction):
            return (await transaction.execute(text("SELECT count(*) FROM items"))).scalar_one()

        assert await at_once(database, [put(items, "a"), put(items, "b"), count]) == ["a", "b", 2]

    async def test_each_keeps_the_context_of_its_caller(self, database):
        async def named(name):
            NAME.set(name)

            async def work(transaction):
                return NAME.get()

            return await database.write(work)

        assert await asyncio.gather(*(named(f"caller-{number}") for number in range(5))) == [
            f"caller-{number}" for number in range(5)
        ]

    async def test_one_whose_caller_gave_up_goes_on_to_its_end(self, database, items):
        writing = [asyncio.create_task(database.write(put(items, str(number)))) for number in range(3)]
        await asyncio.sleep(0)
        writing[1].cancel()
        await asyncio.gather(*writing, return_exceptions=True)
        give_up = time.monotonic() + 5
        while await stored(items) != ["0", "1", "2"]:
            assert time.monotonic() < give_up
            await asyncio.sleep(0.01)

    async def test_closing_waits_for_those_that_wait(self, database, items, tmp_path):
        writing = [asyncio.create_task(database.write(put(items, str(number)))) for number in range(5)]
        await asyncio.sleep(0)
        await database.close()
        assert await asyncio.gather(*writing) == [str(number) for number in range(5)]
        again = await Database.open(f"sqlite+aiosqlite:///{tmp_path / 'figment.db'}")
        assert await stored(ItemStore(again)) == ["0", "1", "2", "3", "4"]
        await again.close()


class NoRoom(Exception):
    """As sqlite3 tells it."""

    sqlite_errorcode = 13  # SQLITE_FULL
