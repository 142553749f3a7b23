from dataclasses import replace
from datetime import timedelta

import pytest

from app.store.lists import ListStore, ServedList

pytestmark = pytest.mark.anyio


@pytest.fixture
def lists(database, clock):
    return ListStore(database, clock)


@pytest.fixture
def served(clock):
    return ServedList(
        recommendation_id="01J",
        request={"k": 10, "history": [{"item_id": "tea"}]},
        items=[{"item_id": "mug", "score": 0.7, "sources": {"generator": 1.0}}],
        model_version="m1",
        index_version="i1",
        created_at=clock.now,
        expires_at=clock.now + timedelta(hours=1),
        key_id="k1",
        user_id="u1",
        session_id="s1",
        experiment_id="e1",
        variant_id="v1",
    )


class TestAdd:
    async def test_keeps_lists_as_they_were_served(self, lists, served):
        bare = replace(served, recommendation_id="02J", user_id=None, session_id=None, key_id=None, experiment_id=None)
        await lists.add([served, bare])
        assert await lists.get("01J") == served
        assert await lists.get_many(["02J", "01J", "03J"]) == {"01J": served, "02J": bare}

    async def test_again_changes_nothing(self, lists, served):
        await lists.add([served])
        await lists.add([replace(served, items=[])])
        assert await lists.get("01J") == served
        await lists.add([])


class TestExpiry:
    async def test_expired_list_is_none_before_it_is_purged(self, lists, served, clock):
        await lists.add([served, replace(served, recommendation_id="02J", expires_at=clock.now + timedelta(hours=2))])
        clock.forward(hours=1)
        assert await lists.get("01J") is None
        assert await lists.purge() == 1
        assert await lists.get("02J") is not None
