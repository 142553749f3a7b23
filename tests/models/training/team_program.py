"""What torchrun starts: trains on the tiny shop, alone or in a team. Arguments: folder, and what to do."""

import json
import sys
from dataclasses import replace
from pathlib import Path

from models.training import run as run_module
from models.training.team import joined, size
from models.training.trainer import help_training
from tests.models.training.tiny_training import CONFIG, StopsAfter, run, tiny_training_data

LONG = replace(CONFIG, min_steps=60)


def main(folder: Path, what: str) -> None:
    """`train`, `stop` in the middle, or `go-on`; what came out is printed as JSON."""
    # an epoch of the tiny shop takes no time
    vars(run_module).update(CHECKPOINT_SECONDS=0.0, PROBE_EVERY_STEPS=10)
    with joined() as is_first:
        if not is_first:
            help_training()
            return
        data = tiny_training_data(folder / "shop")
        trained = run(
            data, folder, config=LONG, resume=what == "go-on", progress=StopsAfter(45) if what == "stop" else None
        )
        told = {"size": size(), "steps": trained.steps, "means": dict(trained.means), "figures": dict(trained.figures)}
        print(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
