"""Requests that write, sent until the service is killed, and what must be in its SQLite file afterwards.

Each part of a request (an event, an item) carries the request's name and its place in it, so the file tells which
requests are in it, and whether whole. SIGKILL ends the process and spares the operating system: what is tried is the
order in which the service commits and answers, not a power cut.
"""

import itertools
import json
import shutil
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import httpx

from tests.app.api.shoppers import minutes_ago
from tests.service.process import ServingProcess

WRITERS: Final = 8
PARTS: Final = 3
SHOPPERS: Final = 50


@dataclass(frozen=True, slots=True)
class Load:
    """One way of writing."""

    path: str
    body: Callable[[Sequence[str], Mapping[str, Any]], dict[str, Any]]
    """From the names of the parts and an answered list that they may follow from."""
    column: tuple[str, str]
    """Table and column that hold the names of stored parts."""
    has_key: bool
    """Whether an `Idempotency-Key` makes repetitions safe; else the parts have ids, as items always do."""


@dataclass(frozen=True, slots=True)
class Request:
    """One that was sent, or is sent again."""

    path: str
    content: bytes
    headers: Mapping[str, str]


def events(parts: Sequence[str], listed: Mapping[str, Any], *, have_ids: bool) -> dict[str, Any]:
    """Clicks on the list, and then what names no list."""
    followed = {"recommendation_id": listed["recommendation_id"], "item_id": listed["items"][0]["item_id"]}
    return {
        "events": [
            {
                "session_id": part,
                "user_id": f"u{hash(part) % SHOPPERS}",
                "event_type": "click",
                "timestamp": minutes_ago(0),
                **(followed if place % 3 else {"item_id": "item-9"}),
                **({"event_id": part} if have_ids else {}),
            }
            for place, part in enumerate(parts)
        ]
    }


def items(parts: Sequence[str], _listed: Mapping[str, Any]) -> dict[str, Any]:
    """New ones, whose content and price are all there is of them."""
    return {"items": [{"item_id": part, "title": f"tea {part}", "price": 1.5} for part in parts]}


EVENT_NAMES: Final = ("events", "session_id")
LOADS: Final = (
    Load("/v1/events", lambda parts, listed: events(parts, listed, have_ids=False), EVENT_NAMES, has_key=True),
    Load("/v1/events", lambda parts, listed: events(parts, listed, have_ids=True), EVENT_NAMES, has_key=False),
    Load("/v1/items:batch", items, ("items", "item_id"), has_key=False),
)
"""They take turns."""


@dataclass
class Writers:
    """Connections that send one request after the other, and remember what was answered."""

    name: str
    """Of these writers; their requests are named after it."""
    sent: dict[str, Request] = field(default_factory=dict)
    answered: dict[str, bytes] = field(default_factory=dict)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def unanswered(self) -> dict[str, Request]:
        """What may have been carried out or not."""
        return {name: request for name, request in self.sent.items() if name not in self.answered}

    def write_until_killed(self, service: ServingProcess, seconds: float) -> None:
        """Kills the service so long after its first answer, while all write."""
        with ThreadPoolExecutor(WRITERS) as crowd:
            writing = [crowd.submit(self._write, service.client.base_url) for _ in range(WRITERS)]
            try:
                _wait(lambda: bool(self.answered), writing)
                time.sleep(seconds)
            finally:  # they write for as long as it answers
                service.process.kill()
            for one in writing:
                one.result()

    def send_again(self, client: httpx.Client, names: Iterable[str]) -> None:
        """As a shop does where an answer did not come; the answers are remembered."""
        for name in names:
            answer = send(client, self.sent[name])
            if answer.status_code != 409:  # claimed by the process that was killed
                self._remember(name, answer)

    def _write(self, base_url: httpx.URL) -> None:
        with httpx.Client(base_url=base_url, timeout=30) as client:
            try:
                listed = client.post("/v1/recommendations", json={"history": []}).json()
                while True:
                    name, request = self._next(listed)
                    self._remember(name, send(client, request))
            except httpx.TransportError:
                return

    def _next(self, listed: Mapping[str, Any]) -> tuple[str, Request]:
        with self._lock:
            number = next(self._numbers)
            name = f"{self.name}:{number}"
            load = LOADS[number % len(LOADS)]
            content = json.dumps(load.body([f"{name}:{place}" for place in range(PARTS)], listed)).encode()
            key = {"Idempotency-Key": name} if load.has_key else {}
            self.sent[name] = Request(load.path, content, {"Content-Type": "application/json", **key})
            return name, self.sent[name]

    def _remember(self, name: str, answer: httpx.Response) -> None:
        assert answer.status_code in (200, 202), answer.text
        told = answer.json()
        assert (told["accepted"] + told.get("duplicates", 0), told["errors"]) == (PARTS, []), told
        self.answered[name] = answer.content


@dataclass(frozen=True, slots=True)
class Found:
    """What is in the file after a kill."""

    requests: frozenset[str]
    half_written: tuple[str, ...]
    """Requests of which some parts are there and others are not, or some twice."""
    disagreements: tuple[str, ...]
    """Sums that are not what they sum up, and damage."""

    def faults(self, *, answered: Collection[str], sent: Collection[str]) -> list[str]:
        """All that is wrong; nothing."""
        lost = [f"{name} was acknowledged and is not there" for name in answered if name not in self.requests]
        made_up = [f"{name} is there and was never sent" for name in self.requests.difference(sent)]
        return [*lost, *made_up, *(f"{name} is not whole" for name in self.half_written), *self.disagreements]


def found_in(folder: Path) -> Found:
    """Looks at a copy, so that the next process recovers what this one left."""
    with TemporaryDirectory(dir=folder) as copy:
        for file in ("figment.db", "figment.db-wal"):
            if (folder / file).exists():
                shutil.copy(folder / file, copy)
        with closing(sqlite3.connect(Path(copy) / "figment.db")) as database:
            places: dict[str, Counter[str]] = {}
            for table, column in dict.fromkeys(load.column for load in LOADS):
                for (part,) in database.execute(f"SELECT {column} FROM {table}"):
                    name, _, place = part.rpartition(":")
                    if name:  # else it is of the catalogue that was there before
                        places.setdefault(name, Counter())[place] += 1
            whole = Counter({str(place): 1 for place in range(PARTS)})
            return Found(
                requests=frozenset(places),
                half_written=tuple(name for name, counts in places.items() if counts != whole),
                disagreements=tuple(_disagreements(database)),
            )


MUST_BE_EQUAL: Final = {
    "events that name a list, and their sums": (
        "SELECT count(*) FROM events WHERE recommendation_id IS NOT NULL",
        "SELECT coalesce(sum(events), 0) FROM outcomes",
    ),
    "lists, and their sums": (
        "SELECT count(*) FROM served_lists",
        "SELECT coalesce(sum(lists), 0) FROM exposures",
    ),
    "places of lists, and items shown": (
        "SELECT coalesce(sum(items_shown), 0) FROM exposures",
        "SELECT coalesce(sum(times_shown), 0) FROM item_exposures",
    ),
    "the catalogue's revision, and its newest item's": (
        "SELECT max(revision) FROM catalogue",
        "SELECT coalesce(max(revision), 0) FROM items",
    ),
    "requests with a key, and their answers": (
        f"SELECT count(*) / {PARTS} FROM events WHERE event_id IS NULL",
        "SELECT count(*) FROM idempotency_keys WHERE status IS NOT NULL",
    ),
}
"""Each pair is written in one transaction."""


def _disagreements(database: sqlite3.Connection) -> Iterator[str]:
    (state,) = database.execute("PRAGMA integrity_check").fetchone()
    if state != "ok":
        yield f"the file is damaged: {state}"
    for what, queries in MUST_BE_EQUAL.items():
        one, other = (database.execute(query).fetchone()[0] for query in queries)
        if one != other:
            yield f"{what}: {one} and {other}"


def send(client: httpx.Client, request: Request) -> httpx.Response:
    """Its answer; the same bytes each time."""
    return client.post(request.path, content=request.content, headers=dict(request.headers))


def _wait(holds: Callable[[], bool], writing: Sequence["Future[None]"]) -> None:
    while not holds():
        assert not all(one.done() for one in writing), [one.exception() for one in writing]
        time.sleep(0.001)
