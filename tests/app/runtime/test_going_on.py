import asyncio
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from app.runtime import purging, served_lists
from app.runtime.going_on import going_on
from app.runtime.purging import purge_forever
from app.runtime.served_lists import ServedLists
from app.store.lists import ServedList
from app.store.store import Store
from models.domain.errors import StoreUnavailable

pytestmark = pytest.mark.anyio


def once(error, works):
    """A coroutine function that fails the first time."""
    left = [error]

    async def call(*arguments):
        if left:
            raise left.pop()
        return await works(*arguments)

    return call


class TestGoingOn:
    async def test_tells_what_was_foreseen_in_a_line_and_the_rest_with_its_stack(self):
        for error, level in ((StoreUnavailable("there", "gone"), "warning"), (KeyError("x"), "error")):
            with capture_logs() as lines, going_on("nothing done", lists=2):
                raise error
            (line,) = lines
            assert (line["event"], line["lists"], line["log_level"], "exc_info" in line) == (
                "nothing done", 2, level, level == "error",
            )  # fmt: skip

    async def test_lets_a_cancelled_task_end(self):
        with pytest.raises(asyncio.CancelledError), going_on("nothing done"):
            raise asyncio.CancelledError


@pytest.mark.parametrize("error", [StoreUnavailable("there", "gone"), KeyError("x")])
class TestWhatRunsByItself:
    async def test_purging_goes_on(self, store, monkeypatch, error):
        purged = asyncio.Event()

        async def purge(_):
            purged.set()
            return 0

        monkeypatch.setattr(purging, "EVERY_SECONDS", 0.01)
        monkeypatch.setattr(Store, "purge", once(error, purge))
        task = asyncio.create_task(purge_forever(store))
        await asyncio.wait_for(purged.wait(), 10)
        task.cancel()

    async def test_writing_lists_goes_on(self, store, clock, monkeypatch, error):
        monkeypatch.setattr(served_lists, "RETRY_SECONDS", 0.01)
        lists = ServedLists(store, kept=timedelta(hours=1))
        monkeypatch.setattr(lists, "flush", once(error, lists.flush))
        lists.record(
            ServedList(
                recommendation_id="r1", request={}, items=[{"item_id": "tea"}], model_version="m", index_version="i",
                created_at=clock.now, expires_at=clock.now + timedelta(hours=1),
            )
        )  # fmt: skip
        async with asyncio.timeout(10):
            while lists.num_waiting:
                await asyncio.sleep(0.01)
        await lists.close()
