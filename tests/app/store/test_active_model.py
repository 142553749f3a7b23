import asyncio

import pytest

from app.store.active_model import ActiveModelStore
from app.store.engine import Database

pytestmark = pytest.mark.anyio


@pytest.fixture
def active(database, clock):
    return ActiveModelStore(database, clock)


def told(model):
    return model.version, model.previous, model.switches


class TestActivate:
    async def test_nobody_has_chosen_at_first(self, active):
        assert await active.get() is None

    async def test_remembers_the_one_before(self, active, clock):
        assert told(await active.activate("one")) == ("one", None, 1)
        clock.forward(seconds=5)
        assert told(await active.activate("two")) == ("two", "one", 2)
        assert told(await active.get()) == ("two", "one", 2)
        assert (await active.get()).switched_at == clock.now

    async def test_the_active_one_again_is_chosen_anew(self, active, clock):
        """Later than a promotion that came between, and told to every process."""
        await active.activate("one")
        await active.activate("two")
        clock.forward(seconds=5)
        chosen = await active.activate("two")
        assert (told(chosen), chosen.switched_at) == (("two", "one", 3), clock.now)

    async def test_many_at_once_are_one_after_another(self, active):
        await asyncio.gather(*(active.activate(f"v{number}") for number in range(10)))
        assert (await active.get()).switches == 10

    async def test_another_process_sees_it_when_it_asks(self, active, database_url):
        other = await Database.open(database_url)
        await active.activate("one")
        assert told(await ActiveModelStore(other).get()) == ("one", None, 1)
        await other.close()
