"""What one optimisation step costs, and which part of it.

    python benchmarks/training_step.py --dataset DIR --json benchmarks/results/training_step_NAME.json

Real training of the chosen profile without a teacher, for as many steps as are asked for. Parts are timed by the
functions that do them; the softmax makes its gradient in its forward pass, so that `backward` is the rest.
"""

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final
from unittest.mock import patch

import torch
from record import circumstances

from models.domain.progress import NoProgress
from models.pipeline.prepare import Prepared, prepare
from models.training import run, step
from models.training.config import TrainingConfig, training_config
from models.training.run import TrainingData
from models.training.trainer import train_networks

PACKAGES: Final = ["torch", "numpy"]
WARM_UP: Final = 10
PARTS: Final = {
    "softmax": ((step, "soft_target_likelihood"), (step, "mixture_likelihood")),
    "history encoder": ((step.Step, "_tastes"),),
    "item encoder": ((step.Step, "_features"),),
    "critic": ((step.Step, "_contest"), (step, "balanced_weight")),
    "backward and optimiser": ((run, "apply_gradient"),),
    "running average": ((run, "follow"),),
}
"""Part → the functions whose time it is."""


@dataclass(slots=True)
class Clock:
    """Seconds of each step, and of each part, step by step."""

    began: list[float] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    parts: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, its time added to the present step's."""

        def call(*args: Any, **kwargs: Any) -> Any:
            started = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self.parts[part][-1] += time.perf_counter() - started

        return call

    def batches(self, made: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        """The same batches; to ask for one is where a step begins."""

        def batches(*args: Any, **kwargs: Any) -> Iterator[Any]:
            source = made(*args, **kwargs)
            while True:
                self.began.append(time.perf_counter())
                for part in (*PARTS, "data"):
                    self.parts[part].append(0.0)
                batch = next(source, None)
                if batch is None:
                    return
                self.parts["data"][-1] += time.perf_counter() - self.began[-1]
                self.positions.append(len(batch.targets_P))
                yield batch

        return batches


def main() -> None:
    arguments = _arguments()
    prepared = prepare(
        arguments.dataset,
        split=None,
        seed=1,
        strict=False,
        column_map={},
        text_encoder=None,
        cache=Path("var/cache"),
        progress=NoProgress(),
    )
    config = training_config(arguments.profile, 1)
    most = arguments.steps * config.positions_per_batch
    config = replace(config, epochs=1, min_steps=1, positions_per_epoch=min(most, config.positions_per_epoch))
    clock = timed_training(prepared, config)
    options = f"--dataset {arguments.dataset.name} --profile {arguments.profile} --steps {arguments.steps}"
    result = {
        "what": f"one optimisation step of the {arguments.profile} profile on {arguments.dataset.name}",
        **circumstances(f"python benchmarks/training_step.py {options}", PACKAGES),
        "threads": torch.get_num_threads(),
        **summary(clock),
    }
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


def timed_training(prepared: Prepared, config: TrainingConfig) -> Clock:
    """One epoch under the clock."""
    clock = Clock()
    data = TrainingData(
        sequences=prepared.split.train,
        content=prepared.content,
        spec=prepared.spec,
        mask_seen=prepared.exclude_seen,
        digest="benchmark",
    )
    with ExitStack() as patches, TemporaryDirectory() as folder:
        for part, functions in PARTS.items():
            for owner, name in functions:
                patches.enter_context(patch.object(owner, name, clock.timed(part, getattr(owner, name))))
        patches.enter_context(patch.object(run, "epoch_batches", clock.batches(run.epoch_batches)))
        folders = {"checkpoint_folder": Path(folder) / "checkpoints", "log_folder": Path(folder) / "logs"}
        train_networks(data, config, **folders, resume=False, progress=NoProgress())
    return clock


def summary(clock: Clock) -> dict[str, Any]:
    """Medians over the steps after the warm-up; the last begin is the end."""
    seconds = [end - start for start, end in zip(clock.began, clock.began[1:], strict=False)][WARM_UP:]
    total = sum(seconds)
    shares = {part: sum(values[WARM_UP:-1]) / total for part, values in clock.parts.items()}
    shares["everything else"] = 1 - sum(shares.values())
    return {
        "steps": len(seconds),
        "ms_per_step": round(1_000 * median(seconds), 1),
        "next_items_per_second": round(sum(clock.positions[WARM_UP:]) / total),
        "shares": {part: round(share, 3) for part, share in sorted(shares.items(), key=lambda each: -each[1])},
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--profile", choices=["full", "quick"], default="full")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--json", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
