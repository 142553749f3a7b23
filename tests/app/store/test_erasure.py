import asyncio
import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from sqlalchemy import String, cast, func, or_, select, text

from app.store.columns import JsonText
from app.store.erasure import DOCUMENTS_A_QUERY, Erased
from app.store.event_rows import Event
from app.store.idempotency import Done
from app.store.lists import ServedList
from app.store.sqlite import PRAGMAS
from app.store.store import Store
from app.store.tables import metadata
from models.domain.errors import StoreUnavailable
from tests.app.store.child import child, finished, places_in_files

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
SHOPPER = "shopper-\u00fc-7f3a9c"
SESSION = "guest-51d0e8"
LATER_SESSION = "guest-late-90aa1b"


@pytest.fixture
async def store(database_url, clock):
    store = await Store.open(database_url, clock)
    yield store
    await store.close()


def event(number, **fields):
    return Event(
        **{"item_id": f"item-{number}", "event_type": "view", "timestamp": NOON + timedelta(seconds=number)} | fields
    )


def served(recommendation_id, **fields):
    asked = {"user": {key: value for key, value in fields.items() if key.endswith("_id")}, "k": 10}
    return ServedList(
        recommendation_id=recommendation_id, request=asked, items=[{"item_id": "tea"}], model_version="m",
        index_version="i", created_at=NOON, expires_at=NOON + timedelta(days=1), **fields,
    )  # fmt: skip


async def fill(store, user_id, session_id, later_session_id, *, tag):
    """Something of the shopper in every table that could hold it."""
    await store.events.add(
        [event(n, session_id=session_id, event_id=f"{tag}-guest-{n}") for n in range(5)]
        + [event(n, user_id=user_id, event_id=f"{tag}-own-{n}", quantity=2, currency="EUR") for n in range(5, 300)]
        + [event(n, user_id=user_id, session_id=later_session_id, event_id=f"{tag}-late-{n}") for n in range(300, 320)]
    )
    await store.events.merge(session_id, user_id)
    await store.events.add([event(400, session_id=session_id), event(401, session_id=later_session_id)])
    await store.lists.add(
        [
            served(f"{tag}-1", user_id=user_id),
            served(f"{tag}-2", session_id=session_id),
            served(f"{tag}-3", session_id=later_session_id),
        ]
    )
    claim = await store.idempotency.claim(["key", f"/v1/users/{user_id}:merge"], f"merge {user_id}", user_id.encode())
    await store.idempotency.complete(claim.token, 404, f'{{"instance": "/v1/users/{user_id}:merge"}}')
    await store.jobs.create("report", {"user_ids": [user_id]})


async def where_it_stands(store, *names):
    """Table and column of every place that holds one of the names."""
    found = []
    for table in metadata.sorted_tables:
        for column in table.c:
            if isinstance(column.type, String | JsonText):
                position = func.strpos if store.database.engine == "postgresql" else func.instr
                holds = or_(*(position(cast(column, String), name) > 0 for name in names))
                query = select(func.count()).select_from(table).where(holds)
                rows = await store.database.read(lambda transaction, query=query: transaction.execute(query))
                found += [f"{table.name}.{column.name}"] * bool(rows.scalar_one())
    return found


async def pending_of(store):
    rows = await store.database.read(lambda transaction: transaction.execute(text("PRAGMA user_version")))
    return rows.scalar_one()


class TestErase:
    async def test_leaves_nothing_in_any_table(self, store):
        await fill(store, SHOPPER, SESSION, LATER_SESSION, tag="a")
        places = await where_it_stands(store, SHOPPER, SESSION, LATER_SESSION)
        assert set(places) >= {
            "events.user_id", "events.session_id", "session_merges.user_id", "session_merges.session_id",
            "served_lists.user_id", "served_lists.session_id", "served_lists.request", "idempotency_keys.answer",
            "jobs.payload",
        }  # fmt: skip
        assert await store.events.erase(SHOPPER) == Erased(events=322, lists=3, merges=1, answers=1, jobs=1)
        assert await where_it_stands(store, SHOPPER, SESSION, LATER_SESSION) == []

    async def test_of_a_guest_leaves_nothing_in_any_table(self, store):
        await store.events.add([event(1, session_id=SESSION), event(2, session_id=f"{SESSION}-2")])
        await store.lists.add([served("l1", session_id=SESSION), served("l2", session_id=f"{SESSION}-2")])
        claim = await store.idempotency.claim(["key"], "k", b"")
        await store.idempotency.complete(claim.token, 202, orjson.dumps({"errors": [SESSION]}).decode())
        await store.jobs.create("report", {"session_ids": [SESSION]})
        assert await store.events.erase_session(SESSION) == Erased(events=1, lists=1, merges=0, answers=1, jobs=1)
        assert await store.events.erase_session(SESSION) == Erased(0, 0, 0, 0, 0)
        assert len(await store.events.history(session_id=f"{SESSION}-2")) == 1
        await store.events.erase_session(f"{SESSION}-2")
        assert await where_it_stands(store, SESSION) == []

    async def test_of_a_guest_leaves_what_an_account_has_of_the_session(self, store):
        await store.events.add(
            [event(1, session_id="s"), event(2, session_id="t"), event(3, user_id="u", session_id="t")]
        )
        await store.events.merge("s", "u")
        assert [(await store.events.erase_session(name)).events for name in ("s", "t", "u")] == [0, 1, 0]
        await store.events.add([event(4, session_id="s")])
        assert [found.item_id for found in await store.events.history(user_id="u")] == ["item-1", "item-3", "item-4"]

    async def test_again_or_of_nobody_succeeds(self, store):
        await fill(store, SHOPPER, SESSION, LATER_SESSION, tag="a")
        await store.events.erase(SHOPPER)
        assert await store.events.erase(SHOPPER) == Erased(0, 0, 0, 0, 0)
        assert await store.events.erase("nobody") == Erased(0, 0, 0, 0, 0)

    async def test_leaves_everybody_else_alone(self, store):
        await fill(store, SHOPPER, SESSION, LATER_SESSION, tag="a")
        await fill(store, SHOPPER + "0", SESSION + "0", LATER_SESSION + "0", tag="b")
        await store.events.erase(SHOPPER)
        assert len(await store.events.history(user_id=SHOPPER + "0")) == 321
        assert set(await store.lists.get_many(["b-1", "b-2", "b-3"])) == {"b-1", "b-2", "b-3"}
        assert await store.events.erase(SHOPPER + "0") == Erased(events=322, lists=3, merges=1, answers=1, jobs=1)

    async def test_another_account_s_events_of_a_shared_session_stay(self, store):
        await store.events.add([event(1, user_id="u1", session_id="s"), event(2, user_id="u2", session_id="s")])
        assert (await store.events.erase("u1")).events == 1
        assert [found.item_id for found in await store.events.history(user_id="u2")] == ["item-2"]

    @pytest.mark.parametrize("user_id", ["5", "500", "accepted", "items"])
    async def test_numbers_and_field_names_of_others_are_no_ids(self, store, user_id):
        """Nor is what a message says of an event that was refused."""
        detail = "timestamp 2026-11-24T12:00:05+00:00 is in the future: more than 5 minutes after 2026-11-24T11:00:00"
        answer = orjson.dumps({"accepted": 5, "duplicates": 500, "errors": [{"index": 5, "detail": detail}]}).decode()
        claim = await store.idempotency.claim(["k"], "another caller's", b"")
        await store.idempotency.complete(claim.token, 202, answer)
        job = await store.jobs.create("index_items", {"after": 120, "last": 620, "items": 500})
        taken = await store.jobs.take(["index_items"])
        assert await store.events.erase(user_id) == Erased(0, 0, 0, 0, 0)
        assert await store.idempotency.claim(["k"], "another caller's", b"") == Done(202, answer)
        assert await store.jobs.finish(taken, {"items": 500})
        assert (await store.jobs.get(job.job_id)).state == "done"

    async def test_what_a_model_made_up_names_nobody_but_what_asked_for_it_may(self, store):
        begun = await store.jobs.create("synthetic_sessions", {"segment": None})
        taken = await store.jobs.take(["synthetic_sessions"])
        assert await store.jobs.finish(taken, {"sessions": [{"user_id": "anna-7", "events": ["5"]}]})
        asked = await store.jobs.create("images", {"query": "for anna-7"})
        assert await store.events.erase("5") == Erased(0, 0, 0, 0, 0)
        assert await store.events.erase("anna-7") == Erased(0, 0, 0, 0, jobs=1)
        assert (await store.jobs.get(begun.job_id)).result is not None
        assert await store.jobs.get(asked.job_id) is None

    async def test_more_jobs_than_are_read_at_once(self, store):
        jobs = [await store.jobs.create("report", {"of": who}) for who in ["anna", "annabel"] * DOCUMENTS_A_QUERY]
        assert (await store.events.erase("anna")).jobs == DOCUMENTS_A_QUERY
        left = [await store.jobs.get(job.job_id) for job in jobs]
        assert [job is not None for job in left] == [False, True] * DOCUMENTS_A_QUERY

    async def test_short_ids_are_found_whole_and_not_in_other_words(self, store):
        for answer in ('{"u": "1"}', '{"u": "11"}', '{"accepted": "x1"}', '{"u": "a-1"}'):
            claim = await store.idempotency.claim(["k"], answer, b"")
            await store.idempotency.complete(claim.token, 200, answer)
        assert (await store.events.erase("1")).answers == 1
        assert isinstance(await store.idempotency.claim(["k"], '{"u": "11"}', b""), Done)

    @pytest.mark.parametrize("user_id", ['quo"te', "sla/sh", "per%cent_", "\U0001f375", "a b", "back\\slash", "(x"])
    async def test_ids_are_found_however_they_are_written(self, store, user_id):
        for answer in (
            user_id,
            orjson.dumps([user_id]).decode(),
            orjson.dumps(orjson.dumps([user_id]).decode()).decode(),
        ):
            claim = await store.idempotency.claim(["k"], answer, b"")
            await store.idempotency.complete(claim.token, 200, answer)
        assert (await store.events.erase(user_id)).answers == 3


@pytest.fixture
async def sqlite(tmp_path, clock):
    """A store in a file, whatever else is tested."""
    store = await Store.open(f"sqlite+aiosqlite:///{tmp_path / 'figment.db'}", clock)
    yield store
    await store.close()


class TestFiles:
    """SQLite keeps deleted bytes until something else is written there, and the log of writes keeps its own copy."""

    @staticmethod
    def files_with(folder, *names):
        return sorted({file for file, _ in places_in_files(folder, *names)})

    async def test_erased_shopper_is_in_no_byte(self, sqlite, tmp_path):
        await fill(sqlite, SHOPPER, SESSION, LATER_SESSION, tag="a")
        await fill(sqlite, "other", "other-session", "other-late", tag="b")
        assert self.files_with(tmp_path, SHOPPER, SESSION, LATER_SESSION)
        await sqlite.events.erase(SHOPPER)
        assert self.files_with(tmp_path, SHOPPER, SESSION, LATER_SESSION) == []
        assert self.files_with(tmp_path, "other-session")
        assert await pending_of(sqlite) == 0

    async def test_nor_after_pages_were_split_moved_and_freed(self, sqlite, tmp_path):
        """Many shoppers come, in random order, and go one after another, with checkpoints between."""
        chance = random.Random(7)
        shoppers = [f"shopper-{chance.randbytes(4).hex()}" for _ in range(60)]
        for turn in range(12):
            sent = [
                event(n, user_id=who, session_id=f"session-{who}", event_id=f"{turn}-{who}-{n}", rating=chance.random())
                for who in shoppers
                for n in range(chance.randrange(8))
            ]
            chance.shuffle(sent)
            await sqlite.events.add(sent)
            await sqlite.lists.add([served(f"{turn}-{who}", user_id=who) for who in shoppers])
            await sqlite.events.merge(f"guest-{turn}-{shoppers[turn]}", shoppers[turn])
        for gone in range(0, len(shoppers), 6):
            for who in shoppers[gone : gone + 6]:
                await sqlite.events.erase(who)
            assert self.files_with(tmp_path, *shoppers[: gone + 6]) == []

    async def test_a_reader_of_another_process_is_waited_for(self, sqlite, tmp_path):
        await fill(sqlite, SHOPPER, SESSION, LATER_SESSION, tag="a")
        body = """
            from sqlalchemy import text
            database = await Database.open(url)
            async def look(transaction):
                await transaction.execute(text("SELECT count(*) FROM events"))
                say("looking")
                await asyncio.sleep(0.5)
            await database.read(look)
            await database.close()
        """
        with child(f"sqlite+aiosqlite:///{tmp_path / 'figment.db'}", body) as process:
            assert process.stdout.readline() == "looking\n"
            await sqlite.events.erase(SHOPPER)
            assert self.files_with(tmp_path, SHOPPER, SESSION, LATER_SESSION) == []
            finished(process)

    async def test_one_that_its_process_did_not_live_to_finish_is_finished_at_the_next_start(self, sqlite, tmp_path):
        await fill(sqlite, SHOPPER, SESSION, LATER_SESSION, tag="a")
        body = """
            from app.store.events import EventStore
            database = await Database.open(url)
            async def die(names):
                os.kill(os.getpid(), signal.SIGKILL)
            database.scrub = die
            say("ready")
            await EventStore(database).erase(sys.stdin.readline().strip())
        """
        url = f"sqlite+aiosqlite:///{tmp_path / 'figment.db'}"
        with child(url, body) as process:
            process.stdin.write(f"{SHOPPER}\n")
            process.stdin.flush()
            process.wait(30)
        assert await sqlite.events.history(user_id=SHOPPER) == []
        assert self.files_with(tmp_path, SHOPPER)
        again = await Store.open(url)
        assert self.files_with(tmp_path, SHOPPER, SESSION, LATER_SESSION) == []
        await again.close()

    async def test_a_reader_that_stays_too_long_is_told_and_the_next_erasure_makes_it_good(self, tmp_path, monkeypatch):
        monkeypatch.setattr("app.store.sqlite.PRAGMAS", ("busy_timeout = 50", *PRAGMAS[1:]))
        sqlite = await Store.open(f"sqlite+aiosqlite:///{tmp_path / 'figment.db'}")
        await fill(sqlite, SHOPPER, SESSION, LATER_SESSION, tag="a")
        reading, go_on = asyncio.Event(), asyncio.Event()

        async def look(transaction):
            await transaction.execute(text("SELECT count(*) FROM events"))
            reading.set()
            await go_on.wait()

        looking = asyncio.create_task(sqlite.database.read(look))
        await reading.wait()
        with pytest.raises(StoreUnavailable, match="may be left in its files"):
            await sqlite.events.erase(SHOPPER)
        assert self.files_with(tmp_path, SHOPPER)
        go_on.set()
        await looking
        await sqlite.events.erase(SHOPPER)
        assert self.files_with(tmp_path, SHOPPER, SESSION, LATER_SESSION) == []
        await sqlite.close()

    async def test_of_two_services_at_once_both_succeed(self, sqlite, tmp_path):
        other = await Store.open(f"sqlite+aiosqlite:///{tmp_path / 'figment.db'}")
        for tag in "abcd":
            for number, store in enumerate((sqlite, other)):
                await fill(store, f"{tag}{number}-7f3a9c", f"guest-{tag}{number}", f"late-{tag}{number}", tag=tag)
            await asyncio.gather(*(each.events.erase(f"{tag}{n}-7f3a9c") for n, each in enumerate((sqlite, other))))
        await other.close()
        assert self.files_with(tmp_path, "7f3a9c") == []

    async def test_several_at_once_leave_nothing_either(self, sqlite, tmp_path):
        shoppers = [f"shopper-{number}-7f3a9c" for number in range(8)]
        for number, who in enumerate(shoppers):
            await fill(sqlite, who, f"guest-{who}", f"late-{who}", tag=str(number))
        await asyncio.gather(*(sqlite.events.erase(who) for who in shoppers))
        assert self.files_with(tmp_path, "7f3a9c") == []
        assert await pending_of(sqlite) == 0


class TestLocks:
    """Whoever closes the database last takes its log of writes away, and SQLite knows the others by their locks."""

    @staticmethod
    def items_seen_by_another_process(tmp_path):
        """It opens the database and closes it again, as `figment keys` does."""
        program = "import sqlite3, sys; database = sqlite3.connect(sys.argv[1])\n"
        program += "rows = database.execute('SELECT item_id FROM items ORDER BY revision').fetchall()\n"
        program += "database.close(); print(*(row[0] for row in rows))"
        asked = [sys.executable, "-I", "-S", "-c", program, tmp_path / "figment.db"]
        return subprocess.run(asked, check=True, capture_output=True, text=True, timeout=60).stdout.split()

    async def test_what_is_written_after_an_erasure_is_there_for_everybody(self, sqlite, tmp_path):
        await sqlite.items.put("before", {})
        await fill(sqlite, SHOPPER, SESSION, LATER_SESSION, tag="a")
        await sqlite.events.erase(SHOPPER)
        assert self.items_seen_by_another_process(tmp_path) == ["before"]
        await sqlite.items.put("after", {})
        assert self.items_seen_by_another_process(tmp_path) == ["before", "after"]

    async def test_and_after_one_that_rewrites_the_file(self, sqlite, tmp_path):
        await sqlite.database.write(lambda transaction: transaction.execute(text("PRAGMA user_version = 1")))
        await sqlite.database.scrub()
        assert self.items_seen_by_another_process(tmp_path) == []
        await sqlite.items.put("after", {})
        assert self.items_seen_by_another_process(tmp_path) == ["after"]

    async def test_and_when_the_writer_is_killed(self, tmp_path):
        body = """
            from app.store.events import EventStore
            from app.store.items import ItemStore
            database = await Database.open(url)
            await EventStore(database).erase("somebody")
            say("erased")
            sys.stdin.readline()
            await ItemStore(database).put("after", {})
            os.kill(os.getpid(), signal.SIGKILL)
        """
        with child(f"sqlite+aiosqlite:///{tmp_path / 'figment.db'}", body) as process:
            assert process.stdout.readline() == "erased\n"
            assert self.items_seen_by_another_process(tmp_path) == []
            process.stdin.write("write\n")
            process.stdin.flush()
            process.wait(30)
        assert self.items_seen_by_another_process(tmp_path) == ["after"]

    async def test_and_after_another_database_of_the_process_on_the_same_file_is_closed(self, sqlite, tmp_path):
        again = await Store.open(f"sqlite+aiosqlite:///{tmp_path / '.' / 'figment.db'}")
        await again.events.erase(SHOPPER)
        await again.close()
        assert self.items_seen_by_another_process(tmp_path) == []
        await sqlite.items.put("after", {})
        assert self.items_seen_by_another_process(tmp_path) == ["after"]

    async def test_who_closes_last_leaves_nothing_but_the_database(self, tmp_path):
        url = f"sqlite+aiosqlite:///{tmp_path / 'figment.db'}"
        for _ in range(2):
            store = await Store.open(url)
            await store.events.erase(SHOPPER)
            await store.close()
            assert [file.name for file in tmp_path.iterdir()] == ["figment.db"]
