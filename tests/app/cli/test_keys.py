"""`figment keys`, as a process on the database that a service would use."""

import asyncio

import pytest

from app.cli.keys import PUBLISHABLE_PER_MINUTE
from app.store.engine import Database
from app.store.key_ring import KeyRing
from app.store.keys import KeyStore
from tests.app.conftest import key_made, sqlite_url
from tests.app.test_cli import fails, figment

PAGE = "https://shop.example"


@pytest.fixture
def run(tmp_path):
    """`figment keys …` on a database of this test."""
    return lambda *words: figment("keys", *words, folder=tmp_path, database_url=sqlite_url(tmp_path))


def ring(folder) -> KeyRing:
    async def read() -> KeyRing:
        database = await Database.open(sqlite_url(folder))
        try:
            return await KeyStore(database).ring()
        finally:
            await database.close()

    return asyncio.run(read())


class TestCreate:
    def test_prints_the_key_alone_where_a_script_reads_it(self, run, tmp_path):
        made = run("create", "--name", "the shop", "--scope", "recommend", "--scope", "events")
        assert made.returncode == 0, made.stderr
        (key,) = made.stdout.splitlines()
        found = ring(tmp_path).find(key)
        assert (found.name, found.kind, found.scopes) == ("the shop", "secret", ("recommend", "events"))
        assert key not in made.stderr
        assert found.key_id in made.stderr

    def test_publishable_key_is_limited_and_bound_to_its_pages(self, run, tmp_path):
        made = run("create", "--name", "page", "--publishable", "--scope", "recommend", "--origin", PAGE)
        found = ring(tmp_path).find(made.stdout.strip())
        assert (found.kind, found.origins, found.requests_per_minute) == (
            "publishable", (PAGE,), PUBLISHABLE_PER_MINUTE,
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("words", "told"),
        [
            (["--scope", "recomend"], ["recomend", "recommend, catalogue, events, studio, admin"]),
            (["--scope", "recommend", "--publishable"], ["origins"]),
            (["--scope", "recommend", "--origin", PAGE], ["publishable"]),
        ],
    )
    def test_what_no_key_may_be_is_told(self, run, words, told):
        fails(run("create", "--name", "n", *words), 2, told)


class TestListAndRevoke:
    def test_a_key_s_life(self, run, tmp_path):
        assert run("list").stderr.strip() == "no keys"
        key, made = key_made(sqlite_url(tmp_path), "recommend", requests_per_minute=1200)
        listed = run("list").stdout
        for part in (made.key_id, "secret", "recommend", "1,200 a minute", "never used", "the tests"):
            assert part in listed
        assert key.split("_", 2)[2] not in listed
        assert run("revoke", made.key_id).stdout == f"{made.key_id} is revoked\n"
        assert ring(tmp_path).find(key) is None
        assert run("revoke", made.key_id).stdout == f"{made.key_id} was revoked before\n"
        assert run("list").stdout == ""
        assert "revoked" in run("list", "--revoked").stdout

    def test_a_leaked_key_is_revoked_by_itself_and_not_repeated(self, run, tmp_path):
        key, made = key_made(sqlite_url(tmp_path))
        assert run("revoke", key).stdout == f"{made.key_id} is revoked\n"

    def test_an_unknown_one_is_told_with_those_there_are(self, run, tmp_path):
        _, made = key_made(sqlite_url(tmp_path))
        fails(run("revoke", "0123"), 2, ["0123", made.key_id])
