import asyncio
import stat
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from app.runtime.event_export import export_events, guest_id
from app.store.engine import Database
from app.store.event_rows import Event
from app.store.events import EventStore
from models.data.read import load_events

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
async def events(database_url, clock):
    database = await Database.open(database_url)
    yield EventStore(database, clock)
    await database.close()


def event(item_id, minutes=0, **fields):
    stands = {"event_type": "view", "user_id": "u1"} | fields
    return Event(item_id=item_id, timestamp=NOON + timedelta(minutes=minutes), **stands)


def guest(item_id, session_id, **fields):
    return event(item_id, user_id=None, session_id=session_id, **fields)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
class TestExportEvents:
    async def test_is_what_training_reads(self, events, tmp_path, suffix):
        bought = {"event_type": "purchase", "quantity": 2, "unit_price": 9.5, "currency": "EUR", "rating": 4}
        await events.add([
            event('tea "1", dark', 1, event_id="e1", **bought),
            event("tea-2", 0.0000001, event_type="dislike", session_id="s1"),
            guest("tea-3", "s2"),
            guest("tea-4", "u1"),
        ])  # fmt: skip
        exported = await export_events(events, tmp_path / f"events{suffix}")
        assert exported == (4, 2)
        loaded = load_events(tmp_path / f"events{suffix}")
        read = loaded.events.with_columns(pl.col("user_id", "item_id", "event_type").cast(pl.String))
        assert read.select("user_id", "item_id", "event_type").sort("item_id").rows() == [
            ("u1", 'tea "1", dark', "purchase"),
            ("u1", "tea-2", "dislike"),
            (guest_id("s2"), "tea-3", "view"),
            (guest_id("u1"), "tea-4", "view"),
        ]
        (bought_row,) = read.filter(pl.col("event_id") == "e1").rows(named=True)
        assert (bought_row["quantity"], bought_row["unit_price"], bought_row["rating"]) == (2.0, 9.5, 4.0)
        assert bought_row["timestamp"] == NOON + timedelta(minutes=1)

    async def test_two_at_once_to_one_place_leave_a_whole_file_for_its_owner_alone(self, events, tmp_path, suffix):
        await events.add([event(f"tea-{number}") for number in range(50)])
        out = tmp_path / f"events{suffix}"
        assert await asyncio.gather(*(export_events(events, out) for _ in range(2))) == [(50, 0), (50, 0)]
        assert len(load_events(out).events) == 50
        assert stat.S_IMODE(out.stat().st_mode) == 0o600
        assert not any("unfinished" in each.name for each in tmp_path.iterdir())

    async def test_events_of_two_visitors_with_one_id_are_both_there(self, events, tmp_path, suffix):
        sent = [guest("tea", session, event_id="view-1", has_public_id=True) for session in ("s1", "s2")]
        await events.add(sent)
        await export_events(events, tmp_path / f"events{suffix}")
        assert load_events(tmp_path / f"events{suffix}").events.height == 2

    async def test_who_was_erased_is_not_there_and_a_merged_guest_is_the_account(self, events, tmp_path, suffix):
        await events.add([event("a", user_id="gone"), guest("b", "s1"), guest("c", "s-gone"), event("d")])
        await events.merge("s1", "anna")
        await events.erase("gone")
        await events.erase_session("s-gone")
        assert await export_events(events, tmp_path / f"events{suffix}") == (2, 0)
        found = load_events(tmp_path / f"events{suffix}").events.with_columns(pl.col("user_id").cast(pl.String))
        assert sorted(found["user_id"]) == ["anna", "u1"]

    async def test_leaves_nothing_unfinished_and_nothing_stored_is_an_empty_file(self, events, tmp_path, suffix):
        folder = tmp_path / "out"
        folder.mkdir()
        assert await export_events(events, folder / f"events{suffix}") == (0, 0)
        assert [path.name for path in folder.iterdir()] == [f"events{suffix}"]


class TestAll:
    async def test_pieces_are_every_event_once_in_the_order_in_which_they_came(self, events):
        await events.add([event(str(number), -number) for number in range(25)])
        pieces = [piece async for piece in events.all(10)]
        assert [len(piece) for piece in pieces] == [10, 10, 5]
        assert [one.item_id for piece in pieces for one in piece] == [str(number) for number in range(25)]

    async def test_ends_though_events_keep_coming_and_passes_over_who_is_erased_meanwhile(self, events):
        await events.add([event(str(number), user_id="gone" if number > 4 else "u1") for number in range(9)])
        found = []
        async for piece in events.all(3):
            found += [one.item_id for one in piece]
            await events.add([event("new")])
            await events.erase("gone")
        assert found == ["0", "1", "2", "3", "4"]
