"""`figment events`, run as a process on the database that a service left."""

import asyncio
from datetime import UTC, datetime

import polars as pl

from app.store.event_rows import Event
from app.store.store import Store
from tests.app.conftest import sqlite_url
from tests.app.test_cli import fails, figment


async def store_events(url):
    store = await Store.open(url)
    noon = datetime(2026, 11, 24, 12, tzinfo=UTC)
    await store.events.add([
        Event(item_id="tea", event_type="dislike", timestamp=noon, user_id="anna"),
        Event(item_id="milk", event_type="view", timestamp=noon, session_id="s1"),
    ])  # fmt: skip
    await store.close()


class TestExport:
    def test_writes_what_is_stored_and_says_how_much(self, tmp_path):
        asyncio.run(store_events(sqlite_url(tmp_path)))
        finished = figment("events", "export", "--out", "e.csv", "--database", sqlite_url(tmp_path), folder=tmp_path)
        assert finished.returncode == 0, finished.stderr
        assert finished.stdout.splitlines() == [
            "2 events in e.csv",
            "1 of guests, whose user_id stands for the session",
        ]
        assert pl.read_csv(tmp_path / "e.csv")["event_type"].to_list() == ["dislike", "view"]

    def test_refuses_a_place_where_it_cannot_write_before_it_reads(self, tmp_path):
        fails(figment("events", "export", "--out", "e.xlsx", folder=tmp_path), 2, ["'.xlsx'", ".parquet, .csv, .jsonl"])
        assert list(tmp_path.iterdir()) == []
