import asyncio
import random
import sqlite3
import stat
from contextlib import ExitStack, closing

import pytest
from sqlalchemy import select, text, update

from app.store.engine import Database
from app.store.items import ItemStore
from app.store.tables import catalogue
from models.domain.errors import StoreUnavailable, StoreVersionUnknown
from tests.app.store.child import child, finished

pytestmark = pytest.mark.anyio


async def pragma(database, name, engine="_writer"):
    async with getattr(database, engine).connect() as connection:
        return (await connection.execute(text(f"PRAGMA {name}"))).scalar_one()


@pytest.fixture
async def sqlite(tmp_path):
    database = await Database.open(f"sqlite+aiosqlite:///{tmp_path / 'var' / 'figment.db'}")
    yield database
    await database.close()


class TestOpen:
    async def test_sqlite_file_and_its_folder_are_made_for_their_owner_alone(self, sqlite, tmp_path):
        assert stat.S_IMODE((tmp_path / "var" / "figment.db").stat().st_mode) == 0o600

    @pytest.mark.parametrize("engine", ["_writer", "_reader"])
    async def test_sqlite_is_durable_and_deletes_for_good(self, sqlite, engine):
        asked = ("journal_mode", "synchronous", "secure_delete", "foreign_keys", "temp_store", "busy_timeout")
        assert [await pragma(sqlite, name, engine) for name in asked] == ["wal", 2, 1, 1, 2, 10_000]

    async def test_opening_again_changes_nothing(self, database_url):
        first = await Database.open(database_url)
        await ItemStore(first).put("tea", {})
        second = await Database.open(database_url)
        assert await ItemStore(second).count() == 1
        await first.close()
        await second.close()

    async def test_processes_that_start_at_once_share_one_migration(self, tmp_path, postgresql):
        urls = [f"sqlite+aiosqlite:///{tmp_path / 'figment.db'}", postgresql.url(postgresql.new_database())]
        body = """
            sys.stdin.readline()
            database = await Database.open(url)
            from app.store.items import ItemStore
            await ItemStore(database).put(str(os.getpid()), {})
            await database.close()
        """
        for url in urls:
            with ExitStack() as stack:
                children = [stack.enter_context(child(url, body)) for _ in range(4)]
                for process in children:  # all have Python's start behind them
                    process.stdin.write("go\n")
                    process.stdin.flush()
                for process in children:
                    finished(process)
            database = await Database.open(url)
            assert await ItemStore(database).count() == 4
            await database.close()

    async def test_file_that_another_process_writes_before_it_has_a_log_is_waited_for(self, tmp_path):
        file = tmp_path / "figment.db"
        with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as other:
            other.execute("BEGIN IMMEDIATE")
            other.execute("CREATE TABLE other (x)")
            opening = asyncio.ensure_future(Database.open(f"sqlite+aiosqlite:///{file}"))
            finished_early, _ = await asyncio.wait({opening}, timeout=0.3)
            other.execute("COMMIT")
        database = await opening
        assert not finished_early
        assert await pragma(database, "journal_mode") == "wal"
        await database.close()

    async def test_tables_of_a_newer_version_are_left_alone(self, own_database_url):
        database = await Database.open(own_database_url)
        await database.write(
            lambda transaction: transaction.execute(text("UPDATE alembic_version SET version_num = 'x9'"))
        )
        await database.close()
        with pytest.raises(StoreVersionUnknown, match=r"revision x9.*FIGMENT_DATABASE_URL"):
            await Database.open(own_database_url)


class TestUnavailable:
    async def test_server_that_does_not_answer_is_named_without_its_password(self):
        with pytest.raises(StoreUnavailable) as error:
            await Database.open("postgresql+asyncpg://shop:hunter2@127.0.0.1:1/catalogue")
        assert "'catalogue' at 127.0.0.1:1" in str(error.value)
        assert "refused" in str(error.value)
        assert "hunter2" not in str(error.value)

    async def test_host_that_is_nowhere_is_named(self):
        with pytest.raises(StoreUnavailable, match=r"'catalogue' at nowhere\.invalid:5432"):
            await Database.open("postgresql+asyncpg://shop:hunter2@nowhere.invalid/catalogue")

    async def test_database_that_does_not_exist_is_named(self, postgresql):
        with pytest.raises(StoreUnavailable, match='database "nothing" does not exist'):
            await Database.open(postgresql.url("nothing"))

    async def test_file_of_another_kind_is_named(self, tmp_path):
        file = tmp_path / "letter.db"
        file.write_text("Dear shop, " * 1000)
        with pytest.raises(StoreUnavailable, match=r"letter\.db cannot be used now: file is not a database"):
            await Database.open(f"sqlite+aiosqlite:///{file}")
        assert file.read_text().startswith("Dear shop")

    async def test_folder_that_cannot_be_made_is_named(self, tmp_path):
        (tmp_path / "var").write_text("")
        with pytest.raises(StoreUnavailable, match=r"var/figment\.db"):
            await Database.open(f"sqlite+aiosqlite:///{tmp_path / 'var' / 'figment.db'}")

    async def test_mistakes_in_our_own_sql_are_not_put_on_the_database(self, database):
        from sqlalchemy.exc import DBAPIError

        with pytest.raises(DBAPIError):
            await database.read(lambda transaction: transaction.execute(text("SELECT nothing FROM nowhere")))

    async def test_connections_that_the_server_cut_are_replaced(self, postgresql):
        database = await Database.open(postgresql.url(name := postgresql.new_database()), connections=2)
        await ItemStore(database).put("tea", {})
        ended = postgresql.psql(
            f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{name}'"
        )
        assert int(ended) >= 1
        assert await ItemStore(database).count() == 1
        await database.check()
        await database.close()

    async def test_connection_cut_in_a_transaction_is_told(self, postgresql):
        database = await Database.open(postgresql.url(name := postgresql.new_database()))

        async def work(transaction):
            await transaction.execute(text("SELECT 1"))
            postgresql.psql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
            await transaction.execute(text("SELECT 1"))

        with pytest.raises(StoreUnavailable, match=name):
            await database.write(work)
        await database.check()
        await database.close()


class TestRead:
    async def test_cannot_write(self, database):
        with pytest.raises(Exception, match=r"(?i)read-?\s?only"):
            await database.read(lambda transaction: transaction.execute(update(catalogue).values(revision=7)))

    async def test_all_queries_see_one_moment(self, database):
        items = ItemStore(database)

        async def work(transaction):
            before = (await transaction.execute(select(catalogue.c.revision))).scalar_one()
            await items.put("tea", {})
            return before, (await transaction.execute(select(catalogue.c.revision))).scalar_one()

        assert await database.read(work) == (0, 0)
        assert await items.revision() == 1


class TestWrite:
    async def test_an_error_undoes_all_of_it(self, database):
        async def work(transaction):
            await transaction.execute(update(catalogue).values(revision=7))
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await database.write(work)
        assert await ItemStore(database).revision() == 0

    async def test_many_at_once_queue_up(self, database):
        async def count_up(transaction):
            revision = (await transaction.execute(select(catalogue.c.revision).with_for_update())).scalar_one()
            await asyncio.sleep(0)
            await transaction.execute(update(catalogue).values(revision=revision + 1))

        await asyncio.gather(*(database.write(count_up) for _ in range(50)))
        assert await ItemStore(database).revision() == 50

    async def test_readers_do_not_wait_for_a_writer(self, database):
        written, go_on = asyncio.Event(), asyncio.Event()

        async def work(transaction):
            await transaction.execute(update(catalogue).values(revision=7))
            written.set()
            await go_on.wait()

        writing = asyncio.create_task(database.write(work))
        await written.wait()
        assert await asyncio.wait_for(ItemStore(database).revision(), 5) == 0
        go_on.set()
        await writing
        assert await ItemStore(database).revision() == 7

    async def test_goes_on_to_its_end_when_the_caller_is_cancelled(self, database):
        started, go_on = asyncio.Event(), asyncio.Event()

        async def work(transaction):
            await transaction.execute(update(catalogue).values(revision=7))
            started.set()
            await go_on.wait()

        writing = asyncio.create_task(database.write(work))
        await started.wait()
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        go_on.set()
        await ItemStore(database).put("tea", {})  # waits its turn
        assert await ItemStore(database).revision() == 8

    async def test_callers_that_give_up_at_any_moment_leave_the_connections_usable(self, database):
        items = ItemStore(database)
        for number in range(40):
            asking = [
                asyncio.create_task(items.put(f"tea-{number}", {"number": number})),
                asyncio.create_task(items.page(5)),
            ]
            await asyncio.sleep(random.random() * 0.01)
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
        await items.put("last", {})
        assert (await items.get("last")) is not None

    async def test_closing_waits_for_what_runs(self, database_url):
        database = await Database.open(database_url)
        started = asyncio.Event()

        async def work(transaction):
            started.set()
            await asyncio.sleep(0.05)
            await transaction.execute(update(catalogue).values(revision=7))

        writing = asyncio.create_task(database.write(work))
        await started.wait()
        await database.close()
        await writing
        database = await Database.open(database_url)
        assert await ItemStore(database).revision() == 7
        await database.close()

    async def test_deadlock_is_run_again(self, postgresql, migrated):
        database = await Database.open(postgresql.url(postgresql.new_database(migrated)))
        items = ItemStore(database)
        await items.bulk([("a", {}), ("b", {})], "replace")
        runs, both = [], asyncio.Barrier(2)

        def locking(first, second):
            async def work(transaction):
                runs.append(first)
                for item_id in (first, second):
                    await transaction.execute(
                        text("UPDATE items SET fields = fields WHERE item_id = :id"), {"id": item_id}
                    )
                    if runs.count(first) == 1 and item_id == first:
                        await both.wait()

            return work

        await asyncio.gather(database.write(locking("a", "b")), database.write(locking("b", "a")))
        assert sorted(runs) in (["a", "a", "b"], ["a", "b", "b"])
        await database.close()

    async def test_another_process_that_holds_the_file_for_too_long_is_told(self, tmp_path, monkeypatch):
        monkeypatch.setattr("app.store.sqlite.PRAGMAS", ("busy_timeout = 50", "journal_mode = WAL"))
        url = f"sqlite+aiosqlite:///{tmp_path / 'figment.db'}"
        database = await Database.open(url)
        body = """
            database = await Database.open(url)
            async def hold(transaction):
                say("held")
                await asyncio.to_thread(sys.stdin.readline)
            await database.write(hold)
            await database.close()
        """
        with child(url, body) as process:
            assert process.stdout.readline() == "held\n"
            with pytest.raises(StoreUnavailable, match="locked"):
                await ItemStore(database).put("tea", {})
            assert await ItemStore(database).count() == 0
            process.stdin.write("go on\n")
            process.stdin.flush()
            finished(process)
        await ItemStore(database).put("tea", {})
        await database.close()


class TestDurability:
    async def test_what_was_answered_survives_kill_9(self, database_url):
        """Killed at moments of its work, never told to stop: each acknowledged write is there afterwards."""
        body = """
            from app.store.items import ItemStore
            database = await Database.open(url)
            items = ItemStore(database)
            for number in range(100_000):
                await items.bulk([(f"{os.getpid()}-{number}-{row}", {"row": row}) for row in range(3)], "replace")
                say(f"{os.getpid()}-{number}")
        """
        acknowledged = []
        for _ in range(3):
            with child(database_url, body) as process:
                acknowledged.append(process.stdout.readline().strip())
                await asyncio.sleep(0.05 + random.random() * 0.3)
                process.kill()
                acknowledged += process.stdout.read().split("\n")[:-1]
        database = await Database.open(database_url)
        held = {item.item_id for item in (await ItemStore(database).changes_since(0, 1_000_000)).items}
        assert len(acknowledged) > 10
        assert {f"{name}-{row}" for name in acknowledged for row in range(3)} <= held
        assert all({f"{name.rsplit('-', 1)[0]}-{row}" for row in range(3)} <= held for name in held)
        await database.close()


class TestTwoProcesses:
    async def test_serve_the_same_shop(self, database, database_url):
        """Both write the same catalogue and both follow it; neither misses what the other did."""
        body = """
            from app.store.items import ItemStore
            database = await Database.open(url)
            items = ItemStore(database)
            say("ready")
            for number in range(40):
                await items.put(f"theirs-{number}", {"number": number})
                await items.patch("shared", {f"theirs-{number}": number})
            await database.close()
        """
        items = ItemStore(database)
        await items.put("shared", {})
        copy, seen = {}, 0
        with child(database_url, body) as process:
            assert process.stdout.readline() == "ready\n"
            for number in range(40):
                await items.put(f"ours-{number}", {"number": number})
                await items.patch("shared", {f"ours-{number}": number})
                changes = await items.changes_since(seen)
                copy |= {item.item_id: dict(item.fields) for item in changes.items}
                seen = changes.revision
            finished(process)
        copy |= {item.item_id: dict(item.fields) for item in (await items.changes_since(seen)).items}
        assert len(copy) == 81
        assert len(copy["shared"]) == 80
        assert copy == {item.item_id: dict(item.fields) for item in (await items.page(100)).rows}
