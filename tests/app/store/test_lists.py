from dataclasses import replace
from datetime import timedelta

import pytest

from app.store.lists import LISTS_A_PIECE, ListedItems, ListStore, ServedList
from app.store.outcomes import Arm

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


class TestListed:
    async def test_tells_of_items_what_the_whole_lists_say(self, lists, served):
        many = [
            replace(
                served, recommendation_id=f"{number}J", items=[{"item_id": f"item-{number % 7}"}, {"item_id": "mug"}]
            )
            for number in range(2 * LISTS_A_PIECE + 1)
        ]
        await lists.add([*many, replace(served, recommendation_id="bare", experiment_id=None, variant_id=None)])
        asked = {one.recommendation_id: ["item-3", "mug", "pot"] for one in many} | {"bare": {"tea"}, "other": {"mug"}}
        assert await lists.listed(asked) == {
            one.recommendation_id: ListedItems(
                arm=Arm(model_version="m1", experiment_id="e1", variant_id="v1"), created_at=one.created_at,
                item_ids=frozenset({"item-3", "mug"}) & {item["item_id"] for item in one.items},
            )
            for one in many
        } | {
            "bare": ListedItems(arm=Arm(model_version="m1"), created_at=served.created_at, item_ids=frozenset())
        }  # fmt: skip
        assert await lists.listed({}) == {}

    async def test_expired_lists_are_none(self, lists, served, clock):
        await lists.add([served])
        clock.forward(hours=1)
        assert await lists.listed({"01J": {"mug"}}) == {}


class TestExpiry:
    async def test_expired_list_is_none_before_it_is_purged(self, lists, served, clock):
        await lists.add([served, replace(served, recommendation_id="02J", expires_at=clock.now + timedelta(hours=2))])
        clock.forward(hours=1)
        assert await lists.get("01J") is None
        assert await lists.purge() == 1
        assert await lists.get("02J") is not None
