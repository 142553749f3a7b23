"""Kills a serving process at random moments while eight connections write, and looks at what is in its SQLite file.

    python benchmarks/kill_writes.py --json benchmarks/results/kill_writes.json

Each round starts a process on the file that the killed one left, sends again what was not answered, writes, and kills
-9 at a moment within three seconds that the seed and the round's number decide. Then every request that was ever
acknowledged must be in the file, whole and once, and every sum must be that of its rows. Lists are answered by rote, so
no bundle is needed; a round takes some seconds. What is done is kept in `--work` after each round, where a run that was
ended goes on.
"""

import argparse
import json
import random
import secrets
import shutil
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from record import circumstances

from models.pipeline.fill_bundle import git_revision

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.service.process import SCRIPTED, serving
from tests.service.writing import LOADS, PARTS, WRITERS, Writers, found_in

PACKAGES: Final = ["sqlalchemy", "aiosqlite", "fastapi", "uvicorn"]
KILLS: Final = 50
LONGEST_SECONDS: Final = 3.0
"""From the first answer to the kill: dozens of commits, also on a busy machine."""


@dataclass
class Progress:
    """What earlier rounds did, in the work folder."""

    folder: Path
    rounds: list[dict[str, Any]] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, folder: Path, seed: int) -> "Progress":
        """Of a run with this seed that was ended, else of none."""
        file = folder / "progress.json"
        known = json.loads(file.read_text()) if file.exists() else {}
        if known.get("seed") != seed:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            return cls(folder)
        return cls(folder, known["rounds"], known["acknowledged"])

    def write(self, seed: int) -> None:
        """In one step."""
        beside = self.folder / "progress.new"
        beside.write_text(json.dumps({"seed": seed, "rounds": self.rounds, "acknowledged": self.acknowledged}))
        beside.replace(self.folder / "progress.json")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", type=Path, default=Path("var/kill_writes"))
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the service ends with this process
    progress = Progress.read(arguments.work, arguments.seed)
    faults = killed_often(progress, arguments.kills, arguments.seed)
    rounds = progress.rounds
    result = {
        "what": "acknowledged writes after kill -9",
        "revision": git_revision(),
        **circumstances(f"python benchmarks/kill_writes.py --json {arguments.json}", PACKAGES),
        "writers": WRITERS,
        "requests_in_turn": [f"{load.path}, {'with' if load.has_key else 'without'} a key" for load in LOADS],
        "parts_a_request": PARTS,
        "seed": arguments.seed,
        "kills": len(rounds),
        "acknowledged_requests": len(progress.acknowledged),
        "unanswered_requests": sum(one["unanswered"] for one in rounds),
        "unanswered_but_stored": sum(one["unanswered_but_stored"] for one in rounds),
        "faults": faults,
        "rounds": rounds,
    }
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    if not faults:
        shutil.rmtree(arguments.work)
    return len(faults) > 0


def killed_often(progress: Progress, kills: int, seed: int) -> list[str]:
    """What was wrong after the round that found it; nothing after all of them."""
    database = progress.folder / "figment.db"
    sent = set(found_in(progress.folder).requests) if database.exists() else set()  # by a round that was not finished
    before = Writers("none")
    for number in range(len(progress.rounds), kills):
        writers = Writers(f"round-{number}-{secrets.token_hex(3)}")
        moment = random.Random(f"{seed}-{number}").uniform(0, LONGEST_SECONDS)
        with serving(progress.folder, command=SCRIPTED, log_level="warning") as service:
            started = time.perf_counter()
            service.wait_until_ready()
            ready_seconds = time.perf_counter() - started
            before.send_again(service.client, before.unanswered)
            writers.write_until_killed(service, moment)
        sent.update(writers.sent)
        progress.acknowledged += sorted({*before.answered, *writers.answered}.difference(progress.acknowledged))
        found = found_in(progress.folder)
        if faults := found.faults(answered=progress.acknowledged, sent=sent):
            return faults
        unanswered = writers.unanswered
        progress.rounds.append(
            {
                "killed_after_milliseconds": round(moment * 1000, 1),
                "acknowledged": len(writers.answered),
                "unanswered": len(unanswered),
                "unanswered_but_stored": len(found.requests & unanswered.keys()),
                "ready_seconds": round(ready_seconds, 2),
            }
        )
        progress.write(seed)
        print(number + 1, progress.rounds[-1], flush=True)
        before = writers
    return []


if __name__ == "__main__":
    sys.exit(main())
