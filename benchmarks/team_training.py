"""What each process of a team spends on the same training: one process, then several; and what they learn.

    python benchmarks/team_training.py --dataset DIR --json benchmarks/results/team_training.json

Real events and items of a dataset folder, the `full` profile for a few dozen steps; texts are not embedded and there is
no teacher, neither of which the team shares. On a machine with a core for each process the clock says how much faster a
team is. Where cores are shared, processor time of the first process says it, as long as no other spends more.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from record import circumstances, keep

PACKAGES: Final = ["numpy", "torch"]
SEEDS: Final = (0, 1)


def main() -> None:
    arguments = _arguments()
    if arguments.team_member:
        take_part(arguments)
        return
    alone = [started(arguments, 1, seed) for seed in SEEDS]
    together = [started(arguments, size, SEEDS[0]) for size in range(2, arguments.processes + 1)]
    result = {
        "what": f"{arguments.steps} steps of the full profile on {arguments.dataset.name}, by teams on this machine",
        **circumstances(PACKAGES),
        "alone, by seed": alone,
        "teams": together,
        "speed_up_by_processor_time": {
            each["processes"]: round(alone[0]["cpu_seconds_a_step"] / each["cpu_seconds_a_step"], 2)
            for each in together
        },
        "speed_up_by_the_clock": {
            each["processes"]: round(alone[0]["seconds_a_step"] / each["seconds_a_step"], 2)
            for each in together
            if each["processes"] <= len(os.sched_getaffinity(0))  # else the clock says what else ran
        },
    }
    keep(result, arguments.json)


def started(arguments: argparse.Namespace, size: int, seed: int) -> dict[str, Any]:
    """What the first process of a team tells of itself."""
    team = ["-m", "torch.distributed.run", "--standalone", "--local-addr", "127.0.0.1", "--nproc-per-node", str(size)]
    program = [__file__, "--dataset", str(arguments.dataset), "--steps", str(arguments.steps), "--seed", str(seed)]
    command = [sys.executable, *(team if size > 1 else []), *program, "--team-member", "--json", str(arguments.json)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise SystemExit(ended.stderr)
    told: dict[str, Any] = json.loads(ended.stdout.strip().splitlines()[-1])
    print(told, flush=True)
    return told


def take_part(arguments: argparse.Namespace) -> None:
    """Trains, alone or in a team, and the first prints what it was like."""
    from models.data.read import load_dataset
    from models.data.sequences_from_events import build_sequences
    from models.domain.progress import NoProgress
    from models.features.content import encode_content
    from models.features.spec import fit_feature_spec
    from models.training.config import FULL
    from models.training.run import TrainingData
    from models.training.team import joined, size
    from models.training.trainer import help_training, train_networks

    with joined() as is_first, TemporaryDirectory() as folder:
        if not is_first:
            help_training()
            return
        dataset = load_dataset(arguments.dataset).dataset
        spec = fit_feature_spec(dataset.catalogue, text_encoder_digest="none", text_width=4, uses_time=True)
        data = TrainingData(
            sequences=build_sequences(dataset, seed=0),
            content=encode_content(dataset.catalogue, spec, lambda texts: np.zeros((len(texts), 4), np.float32)),
            spec=spec,
            mask_seen=True,
            digest="benchmark",
        )
        positions = arguments.steps * FULL.positions_per_batch // 2
        config = replace(FULL, seed=arguments.seed, epochs=1, min_steps=1, positions_per_epoch=positions)
        started = time.monotonic()
        trained = train_networks(
            data, config, checkpoint_folder=Path(folder) / "checkpoint", log_folder=Path(folder) / "log",
            resume=False, progress=NoProgress(),
        )  # fmt: skip
        seconds = time.monotonic() - started
        told = {
            "processes": size(),
            "seed": arguments.seed,
            "steps": trained.steps,
            "seconds_a_step": round(seconds / trained.steps, 4),
            "cpu_seconds_a_step": round(trained.cpu_seconds / trained.steps, 4),
            "likelihood": round(trained.means["likelihood"], 4),
            "guess_likelihood": round(trained.figures.get("guess_likelihood", float("nan")), 4),
        }
        print(json.dumps(told))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--team-member", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
