"""Requests that write and that erase, sent until the service is killed, and what must be in its database afterwards.

Each part of a request (an event, an item) carries the request's name and its place in it, so the database tells which
requests are in it, and whether whole. Meanwhile other processes open the file and close it, as `figment keys` does:
whoever closes a SQLite database last tidies up. SIGKILL ends the process and spares the operating system: what is tried
is the order in which the service commits and answers, not a power cut.
"""

import itertools
import json
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import httpx

from tests.app.api.shoppers import minutes_ago
from tests.postgresql import PostgresqlServer
from tests.service.process import ServingProcess

WRITERS: Final = 8
PARTS: Final = 3
SHOPPERS: Final = 50
GONE: Final = "gone"
"""How ids of shoppers begin who are erased; their events belong to no request that is looked for."""
PAUSE_SECONDS: Final = 0.05
"""Between two erasures, and between two visitors: each is worth many writes."""
VISIT: Final = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], timeout=30)
database.execute("SELECT count(*) FROM api_keys").fetchone()
database.close()
"""


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
    erased: list[str] = field(default_factory=list)
    """Shoppers whose erasure was answered."""
    visits: int = 0
    """Of other processes."""
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def unanswered(self) -> dict[str, Request]:
        """What may have been carried out or not."""
        return {name: request for name, request in self.sent.items() if name not in self.answered}

    def write_until_killed(self, service: ServingProcess, seconds: float, *, visited: Path | None = None) -> None:
        """Kills the service so long after its first answers, while all write and one erases.

        `visited`: the SQLite file that other processes open and close meanwhile.
        """
        with ThreadPoolExecutor(WRITERS + 2) as crowd:
            writing = [crowd.submit(self._write, service.client.base_url) for _ in range(WRITERS)]
            writing.append(crowd.submit(self._erase, service.client.base_url))
            if visited:
                writing.append(crowd.submit(self._visit, visited, service))
            try:
                _wait(lambda: bool(self.answered and self.erased), writing)
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

    def _erase(self, base_url: httpx.URL) -> None:
        with httpx.Client(base_url=base_url, timeout=30) as client:
            try:
                for number in itertools.count():
                    name = f"{GONE}-{self.name}-{number}"
                    seen = {"user_id": name, "event_id": name, "item_id": "item-9", "event_type": "view"}
                    client.post("/v1/events", json={"events": [{**seen, "timestamp": minutes_ago(0)}]})
                    answer = client.delete(f"/v1/users/{name}")
                    assert answer.status_code == 204, answer.text
                    self.erased.append(name)
                    time.sleep(PAUSE_SECONDS)
            except httpx.TransportError:
                return

    def _visit(self, file: Path, service: ServingProcess) -> None:
        while service.process.poll() is None:
            subprocess.run([sys.executable, "-I", "-S", "-c", VISIT, file], check=True, timeout=60)
            self.visits += 1
            time.sleep(PAUSE_SECONDS)

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
    """What is in the database after a kill."""

    requests: frozenset[str]
    half_written: tuple[str, ...]
    """Requests of which some parts are there and others are not, or some twice."""
    to_be_erased: frozenset[str]
    """Shoppers who are there and were sent in order to be erased."""
    disagreements: tuple[str, ...]
    """Sums that are not what they sum up, and damage."""

    def faults(self, *, answered: Collection[str], sent: Collection[str], erased: Collection[str]) -> list[str]:
        """All that is wrong; nothing."""
        lost = [f"{name} was acknowledged and is not there" for name in answered if name not in self.requests]
        made_up = [f"{name} is there and was never sent" for name in self.requests.difference(sent)]
        not_whole = [f"{name} is not whole" for name in self.half_written]
        back = [f"{name} was erased and is there" for name in erased if name in self.to_be_erased]
        return [*lost, *made_up, *not_whole, *back, *self.disagreements]


def found_in(folder: Path) -> Found:
    """Looks at a copy of the SQLite file, so that the next process recovers what this one left."""
    with TemporaryDirectory(dir=folder) as copy:
        for file in ("figment.db", "figment.db-wal"):
            if (folder / file).exists():
                shutil.copy(folder / file, copy)
        with closing(sqlite3.connect(Path(copy) / "figment.db")) as database:
            found = _found(lambda query: [str(value) for (value,) in database.execute(query)])
            (state,) = database.execute("PRAGMA integrity_check").fetchone()
    if state == "ok":
        return found
    return replace(found, disagreements=(*found.disagreements, f"the file is damaged: {state}"))


def found_on(server: PostgresqlServer, database: str) -> Found:
    """Looks when the server has noticed that nobody is connected any more."""
    others = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND pid <> pg_backend_pid()"
    while server.psql(others, database) != "0":
        time.sleep(0.05)
    return _found(lambda query: server.psql(query, database).splitlines())


Ask = Callable[[str], Sequence[str]]
"""The rows of a query for one column."""


def _found(ask: Ask) -> Found:
    places: dict[str, Counter[str]] = {}
    for table, column in dict.fromkeys(load.column for load in LOADS):
        for part in ask(f"SELECT {column} FROM {table} WHERE {column} LIKE '%:%'"):  # others were there before
            name, _, place = part.rpartition(":")
            places.setdefault(name, Counter())[place] += 1
    whole = Counter({str(place): 1 for place in range(PARTS)})
    return Found(
        requests=frozenset(places),
        half_written=tuple(name for name, counts in places.items() if counts != whole),
        to_be_erased=frozenset(ask(f"SELECT user_id FROM events WHERE user_id LIKE '{GONE}-%'")),
        disagreements=tuple(_disagreements(ask)),
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


def _disagreements(ask: Ask) -> Iterator[str]:
    for what, queries in MUST_BE_EQUAL.items():
        (one,), (other,) = (ask(query) for query in queries)
        if one != other:
            yield f"{what}: {one} and {other}"


def send(client: httpx.Client, request: Request) -> httpx.Response:
    """Its answer; the same bytes each time."""
    return client.post(request.path, content=request.content, headers=dict(request.headers))


def _wait(holds: Callable[[], bool], writing: Sequence["Future[None]"]) -> None:
    while not holds():
        assert not all(one.done() for one in writing), [one.exception() for one in writing]
        time.sleep(0.001)
