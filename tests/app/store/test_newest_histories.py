from datetime import UTC, datetime, timedelta

import pytest

from app.store.event_rows import Event
from app.store.store import Store

pytestmark = pytest.mark.anyio
START = datetime(2026, 1, 1, tzinfo=UTC)


def event(minute, **fields):
    return Event(
        **{"event_id": None, "user_id": None, "session_id": None, "item_id": "i", "event_type": "view"} | fields,
        timestamp=START + timedelta(minutes=minute),
    )


@pytest.fixture
async def store(database_url):
    store = await Store.open(database_url)
    yield store
    await store.close()


class TestNewestHistories:
    async def test_are_one_for_each_account_and_guest_oldest_first(self, store):
        await store.events.add(
            [
                event(2, user_id="u", item_id="b"),
                event(1, user_id="u", session_id="s", item_id="a"),
                event(3, session_id="s", item_id="c"),
                event(4, user_id="u", event_type="impression"),
            ]
        )
        found = await store.events.newest_histories(100)
        assert sorted([event.item_id for event in history] for history in found) == [["a", "b"], ["c"]]

    async def test_are_made_of_the_newest_events_only(self, store):
        await store.events.add([event(minute, user_id="u", item_id=str(minute)) for minute in range(5)])
        (history,) = await store.events.newest_histories(2)
        assert [event.item_id for event in history] == ["3", "4"]
