import asyncio
import random
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from app.store.event_rows import Event
from app.store.events import EventStore
from app.store.paging import write_cursor
from app.store.tables import events as events_table
from app.store.tables import session_merges
from models.domain.errors import CursorRefused
from models.domain.events import HistoryEvent
from tests.app.store.child import child, finished

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def events(database, clock):
    return EventStore(database, clock)


def event(item_id="tea", minutes=0.0, **fields):
    return Event(
        **{"item_id": item_id, "event_type": "view", "timestamp": NOON + timedelta(minutes=minutes), "user_id": "u1"}
        | fields
    )


def guest(item_id="tea", minutes=0.0, **fields):
    return event(item_id, minutes, **{"user_id": None, "session_id": "s1"} | fields)


async def item_ids(events, **asked):
    return [found.item_id for found in await events.history(**asked)]


class TestAdd:
    async def test_keeps_every_field_as_sent(self, events):
        sent = event(
            "item/\u00e4 \U0001f375", event_type="purchase", session_id="s1", event_id="e1", recommendation_id="01J",
            quantity=2, unit_price=9.99, currency="EUR", rating=4.5, timestamp=NOON + timedelta(microseconds=1),
        )  # fmt: skip
        assert (await events.add([sent])).new == [True]
        (kept,) = (await events.page("u1", 10)).rows
        assert kept == sent
        assert isinstance(kept.quantity, int)

    async def test_an_instant_is_the_same_in_any_zone(self, events):
        there = timezone(timedelta(hours=5, minutes=30))
        await events.add([event("later", 1), event("earlier", timestamp=NOON.astimezone(there)), event("first", -1)])
        assert await item_ids(events, user_id="u1") == ["first", "earlier", "later"]
        assert (await events.history(user_id="u1"))[1] == HistoryEvent("earlier", "view", NOON.timestamp())

    async def test_an_event_id_is_kept_once(self, events):
        first = await events.add([event("a", event_id="e1"), event("b", event_id="e2")])
        again = await events.add([event("b", event_id="e2"), event("c", event_id="e3"), event("a", event_id="e1")])
        assert (first.accepted, first.duplicates) == (2, 0)
        assert (again.new, again.accepted, again.duplicates) == ([False, True, False], 1, 2)
        assert await events.count() == 3

    async def test_an_event_id_twice_in_one_request_is_its_first_event(self, events):
        added = await events.add([event("a", event_id="e1"), event("x"), event("b", event_id="e1")])
        assert added.new == [True, True, False]
        assert sorted(await item_ids(events, user_id="u1")) == ["a", "x"]

    async def test_a_large_request_is_one_as_well(self, events):
        """It is written in pieces, and an event_id may stand in two of them."""
        sent = [event(str(number), event_id=f"e{number % 700}") for number in range(1000)]
        assert (await events.add(sent)).new == [True] * 700 + [False] * 300
        assert (await events.add(sent)).accepted == 0

    async def test_ids_that_visitors_sent_are_apart(self, events):
        visitor_s = event("x", event_id="order-1001", has_public_id=True)
        own = event("a", 1, event_id="order-1001", event_type="purchase")
        assert (await events.add([visitor_s, visitor_s, own, own])).new == [True, False, True, False]
        assert (await events.add([own, visitor_s])).new == [False, False]
        assert list((await events.page("u1", 10)).rows) == [own, visitor_s]

    async def test_ids_that_visitors_sent_are_each_visitor_s_own(self, events):
        sent = [
            event("x", event_id="view-1", has_public_id=True, user_id=user_id, session_id=session_id)
            for user_id, session_id in (("u1", None), ("u2", None), (None, "u1"), ("u1", "s"), (None, "s"))
        ]
        assert (await events.add(sent)).new == [True] * 5
        assert (await events.add(sent)).new == [False] * 5
        assert sorted(one.session_id or "" for one in (await events.page("u1", 10)).rows) == ["", "s"]

    async def test_events_without_id_are_always_new(self, events):
        assert (await events.add([event(), event()])).new == [True, True]
        assert (await events.add([event()])).new == [True]

    async def test_nothing_is_nothing(self, events):
        assert (await events.add([])).new == []

    async def test_the_same_request_many_times_at_once_is_kept_once(self, events):
        """Retries that overtake each other, in opposite orders: deadlocks on PostgreSQL, were they not run again."""
        batch = [event(f"item-{number}", event_id=f"e{number}") for number in range(200)]
        added = await asyncio.gather(*(events.add(batch if turn % 2 else batch[::-1]) for turn in range(6)))
        assert sum(answer.accepted for answer in added) == 200
        assert await events.count() == 200

    async def test_a_thousand_keep_their_order_at_one_instant(self, events):
        await events.add([event(f"item-{number}", event_id=f"e{number}") for number in range(1000)])
        assert await item_ids(events, user_id="u1", limit=1000) == [f"item-{number}" for number in range(1000)]

    async def test_belongs_to_a_larger_transaction_where_one_is_given(self, events, database):
        async def add_and_fail(transaction):
            await events.add([event()], within=transaction)
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await database.write(add_and_fail)
        assert await events.count() == 0


class TestHistory:
    async def test_is_by_time_whatever_order_events_came_in(self, events):
        minutes = list(range(20))
        random.Random(4).shuffle(minutes)
        for minute in minutes:
            await events.add([event(str(minute), minute)])
        assert await item_ids(events, user_id="u1") == [str(minute) for minute in range(20)]

    async def test_is_the_newest_events_oldest_first(self, events):
        await events.add([event(str(minute), minute) for minute in range(600)])
        assert await item_ids(events, user_id="u1") == [str(minute) for minute in range(100, 600)]
        assert await item_ids(events, user_id="u1", limit=2) == ["598", "599"]

    async def test_impressions_do_not_crowd_out_what_the_shopper_did(self, events):
        await events.add([event("bought", 0, event_type="purchase")])
        await events.add([event("shown", minute + 1, event_type="impression") for minute in range(30)])
        assert await item_ids(events, user_id="u1", limit=5) == ["bought"]
        assert await item_ids(events, user_id="u1", limit=2, event_types=["impression", "purchase"]) == ["shown"] * 2

    async def test_is_one_shopper_s(self, events):
        await events.add([event("mine"), event("other", user_id="u2"), guest("guest")])
        assert await item_ids(events, user_id="u1") == ["mine"]
        assert await item_ids(events, session_id="s1") == ["guest"]
        assert await item_ids(events, user_id="nobody") == []

    async def test_of_account_and_session_is_both_without_another_account_s(self, events):
        await events.add(
            [event("mine", 1, session_id="s1"), guest("guest", 2), event("other", 3, user_id="u2", session_id="s1")]
        )
        assert await item_ids(events, user_id="u1", session_id="s1") == ["mine", "guest"]
        assert await item_ids(events, user_id="u1", session_id="s1", limit=1) == ["guest"]


class TestPage:
    async def test_pages_hold_every_event_once_newest_first(self, events):
        await events.add([event(str(number), number // 3) for number in range(10)])
        seen, cursor = [], None
        while True:
            page = await events.page("u1", 4, cursor)
            seen += [found.item_id for found in page.rows]
            if (cursor := page.next_cursor) is None:
                break
        assert seen == [str(number) for number in range(9, -1, -1)]

    async def test_events_that_come_between_pages_repeat_nothing(self, events):
        await events.add([event(str(number), number) for number in range(6)])
        first = await events.page("u1", 3)
        await events.add([event("newer", 99), event("older", -1)])
        second = await events.page("u1", 10, first.next_cursor)
        assert [found.item_id for found in second.rows] == ["2", "1", "0", "older"]

    async def test_times_before_1970_have_a_place_too(self, events):
        await events.add([event(str(year), timestamp=datetime(year, 1, 1, tzinfo=UTC)) for year in (1950, 1960, 1980)])
        first = await events.page("u1", 2)
        assert [found.item_id for found in (await events.page("u1", 2, first.next_cursor)).rows] == ["1950"]

    @pytest.mark.parametrize("place", [(2**62, 1), (-(2**62), 1), (1,), ("a", "b")])
    async def test_cursor_of_nowhere_is_refused(self, events, place):
        with pytest.raises(CursorRefused):
            await events.page("u1", 2, write_cursor("events", *place))


class TestMerge:
    async def test_moves_a_guest_s_events_once(self, events):
        await events.add([guest("a", 1), guest("b", 2), guest("c", session_id="s2"), event("d", 0)])
        assert await events.merge("s1", "u1") == 2
        assert await events.merge("s1", "u1") == 0
        assert await item_ids(events, user_id="u1") == ["d", "a", "b"]
        assert await item_ids(events, session_id="s2") == ["c"]

    async def test_later_events_of_the_session_follow(self, events):
        assert await events.merge("s1", "u1") == 0
        await events.add([guest("late")])
        assert await item_ids(events, user_id="u1") == ["late"]

    async def test_events_of_another_account_stay_there(self, events):
        await events.add([event("other", user_id="u2", session_id="s1"), guest("mine")])
        assert await events.merge("s1", "u1") == 1
        assert await events.merge("s1", "u2") == 0
        assert await item_ids(events, user_id="u1") == ["mine"]
        assert await item_ids(events, user_id="u2") == ["other"]

    async def test_guests_events_and_their_merge_at_once_lose_nothing(self, events):
        """An event that is stored beside a merge is either seen by it or sees it."""
        for number in range(20):
            session, user = f"guest-{number}", f"account-{number}"
            await asyncio.gather(
                *(events.add([guest(str(part), session_id=session)]) for part in range(3)),
                events.merge(session, user),
                *(events.add([guest(str(part), session_id=session)]) for part in range(3, 6)),
            )
            assert sorted(await item_ids(events, user_id=user)) == ["0", "1", "2", "3", "4", "5"]

    SHOPPERS = st.sampled_from(["u1", "u2"])
    SESSIONS = st.sampled_from(["s1", "s2"])
    STEPS = st.lists(
        st.one_of(
            st.tuples(st.just("add"), st.none() | SHOPPERS, st.none() | SESSIONS, st.integers(0, 3), st.integers(0, 5)),
            st.tuples(st.just("merge"), SHOPPERS, SESSIONS),
            st.tuples(st.just("erase"), SHOPPERS),
        ),
        max_size=25,
    )

    @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(steps=STEPS)
    async def test_histories_are_those_of_a_simple_model(self, events, database, steps):
        await database.write(lambda transaction: transaction.execute(delete(events_table)))
        await database.write(lambda transaction: transaction.execute(delete(session_merges)))
        kept, accounts = [], {}  # of [owner, session, event id, minute]
        for step in steps:
            if step[0] == "add" and step[1:3] != (None, None):
                _, user, session, event_id, minute = step
                sent = event(f"e{event_id}", minute, user_id=user, session_id=session, event_id=f"e{event_id}")
                (new,) = (await events.add([sent])).new
                assert new == all(row[2] != event_id for row in kept)
                if new:
                    kept.append([user or accounts.get(session), session, event_id, minute])
            elif step[0] == "merge":
                _, user, session = step
                moved = [row for row in kept if row[0] is None and row[1] == session]
                assert await events.merge(session, user) == len(moved)
                assert await events.merge(session, user) == 0
                accounts[session] = user
                for row in moved:
                    row[0] = user
            elif step[0] == "erase":
                user = step[1]
                used = {row[1] for row in kept if row[0] == user} | {s for s in accounts if accounts[s] == user}
                gone = [row for row in kept if row[0] == user or (row[0] is None and row[1] in used)]
                assert (await events.erase(user)).events == len(gone)
                kept = [row for row in kept if row not in gone]
                accounts = {session: account for session, account in accounts.items() if account != user}
        kept.sort(key=lambda row: row[3])  # stable: at one minute in the order in which they came
        for user in ("u1", "u2"):
            assert await item_ids(events, user_id=user) == [f"e{row[2]}" for row in kept if row[0] == user]
        for session in ("s1", "s2"):
            assert await item_ids(events, session_id=session) == [f"e{row[2]}" for row in kept if row[1] == session]


class TestTwoProcesses:
    async def test_the_same_events_from_both_are_kept_once(self, events, database_url):
        body = """
            from app.store.event_rows import Event
            from app.store.events import EventStore
            database = await Database.open(url)
            events = EventStore(database)
            say("ready")
            noon = datetime(2026, 11, 24, 12, tzinfo=UTC)
            accepted = 0
            for part in range(20):
                batch = [
                    Event(item_id="tea", event_type="view", timestamp=noon, user_id="u1", event_id=f"{part}-{number}")
                    for number in reversed(range(50))
                ]
                accepted += (await events.add(batch)).accepted
            say(accepted)
            await database.close()
        """
        ours = 0
        with child(database_url, body) as process:
            assert process.stdout.readline() == "ready\n"
            for part in range(20):
                ours += (await events.add([event(event_id=f"{part}-{number}") for number in range(50)])).accepted
            theirs = int(finished(process))
        assert ours + theirs == 1000
        assert await events.count() == 1000
