"""What other settings of training find: all that `figment train` does with them, on validation and on test events.

    python benchmarks/training_trials.py --dataset DIR --profile full --set mixture_weight=0.05 \\
        --json benchmarks/results/training_trials_NAME.json

`--set` names what `models.training.config.TrainingConfig` does, and may be given several times for one trial; without
it the profile is trained as it is. Each finished training is a file beside the JSON that a second start skips, and all
that are there are in the JSON: one start for each trial makes a table. A choice is made by the validation figures.
"""

import argparse
import json
import shutil
import sys
import time
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from record import circumstances, hardware, keep
from runs import finished

from app.observability.progress import TaskProgress
from models.pipeline import train as pipeline
from models.pipeline.train import TrainOptions, train
from models.recommend.systems import STAGE_OF
from models.training.config import Profile, TrainingConfig, training_config

PACKAGES: Final = ["torch", "numpy", "faiss-cpu", "onnxruntime"]
AS_IT_IS: Final = "as it is"
TOLD: Final = ("ndcg@10", "hr@10", "coverage@10")
NUMBERS: Final = (int, float)


def main() -> int:
    arguments = _arguments()
    folder = arguments.json.with_suffix("")
    name = " ".join(sorted(arguments.settings)) or AS_IT_IS
    for seed in arguments.seeds:
        run = finished(
            folder / f"{arguments.dataset.name} {arguments.profile} {name} {seed}.json",
            lambda seed=seed: trial(arguments, name, settings_of(arguments), seed),
        )
        print(f"{name}, seed {seed}: validation {run['validation_ndcg@10']['figment']:.4f}", flush=True)
    runs = [json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))]
    keep({"what": f"trainings on {arguments.dataset.name}", **circumstances(PACKAGES), "runs": runs}, arguments.json)
    return 0


def trial(arguments: argparse.Namespace, name: str, settings: dict[str, Any], seed: int) -> dict[str, Any]:
    """One training, measured as every bundle is before it is sealed."""
    began = time.process_time()
    of_table = f"{arguments.json.stem}-{arguments.dataset.name}-{arguments.profile}"
    out = arguments.folder / of_table / f"{name} {seed}".replace(" ", "-")
    shutil.rmtree(out, ignore_errors=True)

    def changed(profile: Profile, seed: int) -> TrainingConfig:
        return replace(training_config(profile, seed), **settings)

    with patch.object(pipeline, "training_config", changed), TaskProgress() as progress:
        options = TrainOptions(arguments.dataset, out, profile=arguments.profile, seed=seed, resume=True)
        manifest = train(options, progress).manifest
    shutil.rmtree(options.checkpoints, ignore_errors=True)  # another trial of this name would go on with them
    return {
        "trial": name,
        "profile": arguments.profile,
        "seed": seed,
        "revision": manifest.git_revision,
        "hardware": hardware(),
        "cpu_seconds": round(time.process_time() - began, 1),
        "fusion": manifest.fusion,
        "validation_ndcg@10": {each: manifest.metrics["validation_ndcg@10"][each] for each in STAGE_OF},
        "test": {each: {told: manifest.scoreboard[each][told] for told in TOLD} for each in STAGE_OF},
    }


def settings_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """The values that were set, as the profile has them."""
    config = training_config(arguments.profile, 0)
    settings = {}
    for each in arguments.settings:
        name, _, value = each.partition("=")
        settings[name] = type(getattr(config, name))(value)
    return settings


def _setting(given: str) -> str:
    """`NAME=NUMBER`, where the name is one of the numbers of a training's settings."""
    name, _, value = given.partition("=")
    config = training_config("full", 0)
    numbers = [each.name for each in fields(config) if type(getattr(config, each.name)) in NUMBERS]
    known = [each for each in numbers if each != "seed"]
    if name not in known:
        raise argparse.ArgumentTypeError(f"{name!r} is no setting; there are {', '.join(known)}")
    try:
        type(getattr(config, name))(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{name} is a number, got {value!r}") from None
    return given


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--profile", choices=["full", "quick"], default="full")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--set", type=_setting, action="append", default=[], dest="settings", metavar="NAME=NUMBER")
    parser.add_argument("--folder", type=Path, default=Path("var/training-trials"), help="where bundles are left")
    parser.add_argument("--json", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
