from datetime import timedelta

import pytest

from app.store.lists import ServedList
from app.store.outcomes import Arm, Exposure, Outcome
from app.store.store import Store

pytestmark = pytest.mark.anyio

ARM = Arm(model_version="m1")


@pytest.fixture
async def store(database_url, clock):
    store = await Store.open(database_url, clock)
    yield store
    await store.close()


class TestStore:
    async def test_one_transaction_over_several_families_is_kept_as_a_whole(self, store, clock):
        claim = await store.idempotency.claim(["k"], "key", b"")
        sold = Outcome(day=clock.now.date(), arm=ARM, event_type="purchase")

        async def work(transaction):
            await store.items.put("tea", {}, within=transaction)
            await store.outcomes.add([sold], within=transaction)
            await store.idempotency.complete(claim.token, 202, "{}", within=transaction)

        await store.database.write(work)
        assert await store.items.count() == 1
        assert await store.outcomes.outcomes(clock.now.date()) == [sold]

    async def test_purges_what_has_had_its_time(self, store, clock):
        day = clock.now.date()
        await store.idempotency.claim(["k"], "key", b"")
        await store.rate_limits.incr("k", 60)
        await store.outcomes.add_exposures([Exposure(day=day, arm=ARM, lists=1, times_shown={"tea": 1})])
        await store.jobs.create("import", 1)
        await store.jobs.fail(await store.jobs.take(["import"]), "no")
        await store.lists.add(
            [
                ServedList(
                    recommendation_id="01J", request={}, items=[], model_version="m", index_version="i",
                    created_at=clock.now, expires_at=clock.now + timedelta(hours=1),
                )
            ]
        )  # fmt: skip
        assert await store.purge() == 0
        clock.forward(days=31)
        assert await store.purge() == 4
        assert await store.outcomes.items_by_times_shown(day) == {None: {}}
