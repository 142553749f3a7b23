import pytest

from app.store.concepts import ConceptStore, KeptConcept

pytestmark = pytest.mark.anyio
TEA = KeptConcept("tea > green", ["leaf", "jar"])
NAMELESS = KeptConcept(None, [])


@pytest.fixture
def concepts(database, clock):
    return ConceptStore(database, clock)


class TestKeep:
    async def test_what_was_told_comes_back(self, concepts):
        await concepts.keep({"c1": TEA, "c2": NAMELESS})
        assert await concepts.get("c1") == TEA
        assert await concepts.get("c2") == NAMELESS
        assert await concepts.get("c3") is None

    async def test_nothing_is_no_problem(self, concepts):
        await concepts.keep({})

    async def test_one_that_is_told_again_is_kept_for_longer(self, concepts, clock):
        await concepts.keep({"c1": TEA, "c2": NAMELESS})
        clock.forward(days=6)
        await concepts.keep({"c1": TEA})
        clock.forward(days=2)
        assert await concepts.get("c1") == TEA
        assert await concepts.get("c2") is None


class TestPurge:
    async def test_deletes_what_has_had_its_time(self, concepts, clock):
        await concepts.keep({"c1": TEA})
        clock.forward(days=4)
        await concepts.keep({"c2": TEA})
        clock.forward(days=3)
        assert await concepts.purge() == 1
        assert await concepts.get("c2") == TEA
