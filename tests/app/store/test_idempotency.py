import asyncio
from datetime import timedelta

import pytest

from app.store.idempotency import Done, Fresh, IdempotencyStore, InProgress, OtherBody
from app.store.items import ItemStore

pytestmark = pytest.mark.anyio

SCOPE = ("key-1", "POST", "/v1/events")


@pytest.fixture
def keys(database, clock):
    return IdempotencyStore(database, clock)


class TestClaim:
    async def test_first_request_is_fresh_and_a_second_meanwhile_in_progress(self, keys, clock):
        assert isinstance(await keys.claim(SCOPE, "k", b"body"), Fresh)
        assert await keys.claim(SCOPE, "k", b"body") == InProgress(clock.now + timedelta(seconds=60))

    async def test_answer_is_given_again(self, keys):
        claim = await keys.claim(SCOPE, "k", b"body")
        assert await keys.complete(claim.token, 202, '{"accepted": 3}')
        assert await keys.claim(SCOPE, "k", b"body") == Done(202, '{"accepted": 3}')

    async def test_another_body_is_told_before_and_after_the_answer(self, keys):
        claim = await keys.claim(SCOPE, "k", b"body")
        assert await keys.claim(SCOPE, "k", b"other") == OtherBody()
        await keys.complete(claim.token, 202, "")
        assert await keys.claim(SCOPE, "k", b"other") == OtherBody()

    @pytest.mark.parametrize(
        ("scope", "key"), [(("key-2", *SCOPE[1:]), "k"), (SCOPE, "k2"), ((*SCOPE, "k"), ""), (("key-1", "POST"), "k")]
    )
    async def test_another_scope_or_key_is_another_request(self, keys, scope, key):
        await keys.claim(SCOPE, "k", b"body")
        assert isinstance(await keys.claim(scope, key, b"body"), Fresh)

    async def test_of_many_at_once_exactly_one_is_fresh(self, keys):
        claims = await asyncio.gather(*(keys.claim(SCOPE, "k", b"body") for _ in range(12)))
        assert sorted(type(claim).__name__ for claim in claims) == ["Fresh"] + ["InProgress"] * 11

    async def test_is_forgotten_after_24_hours(self, keys, clock):
        claim = await keys.claim(SCOPE, "k", b"body")
        await keys.complete(claim.token, 202, "")
        clock.forward(hours=23, minutes=59)
        assert isinstance(await keys.claim(SCOPE, "k", b"body"), Done)
        clock.forward(minutes=1)
        assert isinstance(await keys.claim(SCOPE, "k", b"other"), Fresh)

    async def test_claim_of_a_process_that_died_is_free_after_its_lease(self, keys, clock):
        lost = await keys.claim(SCOPE, "k", b"body")
        clock.forward(seconds=59)
        assert isinstance(await keys.claim(SCOPE, "k", b"body"), InProgress)
        clock.forward(seconds=1)
        claim = await keys.claim(SCOPE, "k", b"body")
        assert isinstance(claim, Fresh)
        assert not await keys.complete(lost.token, 202, "late")
        assert await keys.complete(claim.token, 202, "mine")
        assert await keys.claim(SCOPE, "k", b"body") == Done(202, "mine")


class TestComplete:
    async def test_is_kept_with_the_work_or_not_at_all(self, keys, database):
        items = ItemStore(database)
        claim = await keys.claim(SCOPE, "k", b"body")

        async def work_and_die(transaction):
            await items.put("tea", {}, within=transaction)
            await keys.complete(claim.token, 201, "", within=transaction)
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await database.write(work_and_die)
        assert isinstance(await keys.claim(SCOPE, "k", b"body"), InProgress)
        assert await items.count() == 0

    async def test_an_answer_stands_once_it_is_given(self, keys):
        claim = await keys.claim(SCOPE, "k", b"body")
        await keys.complete(claim.token, 202, "first")
        assert not await keys.complete(claim.token, 500, "second")


class TestRelease:
    async def test_lets_the_same_request_try_again(self, keys):
        claim = await keys.claim(SCOPE, "k", b"body")
        await keys.release(claim.token)
        assert isinstance(await keys.claim(SCOPE, "k", b"body"), Fresh)

    async def test_leaves_an_answer(self, keys):
        claim = await keys.claim(SCOPE, "k", b"body")
        await keys.complete(claim.token, 202, "")
        await keys.release(claim.token)
        assert isinstance(await keys.claim(SCOPE, "k", b"body"), Done)


class TestPurge:
    async def test_deletes_what_is_older_than_24_hours(self, keys, clock):
        for number in range(5):
            await keys.claim(SCOPE, f"old-{number}", b"")
        clock.forward(hours=24)
        await keys.claim(SCOPE, "new", b"")
        assert await keys.purge() == 5
        assert await keys.purge() == 0
        assert isinstance(await keys.claim(SCOPE, "new", b""), InProgress)

    async def test_goes_piece_by_piece(self, keys, clock, monkeypatch):
        monkeypatch.setattr("app.store.purging.ROWS_A_TRANSACTION", 2)
        for number in range(5):
            await keys.claim(SCOPE, str(number), b"")
        clock.forward(hours=24)
        assert await keys.purge() == 5
