"""What one optimisation step costs, and which part of it.

    python benchmarks/training_step.py --dataset DIR --json benchmarks/results/training_step_NAME.json

Real training of the chosen profile without a teacher, for as many steps as are asked for. Parts are timed by the
functions that do them, in CPU time, which other work on the machine hardly changes; the softmax makes its gradient in
its forward pass, so that `backward` is the rest. The same steps then run without what makes the two largest parts
cheap: the softmax in 32 bits by automatic differentiation, and batches of any lengths together, padded to the longest.
"""

import argparse
import math
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

import numpy as np
import torch
from numpy.typing import NDArray
from record import circumstances, keep
from torch import Tensor

from models.domain.progress import NoProgress
from models.pipeline.prepare import Prepared, prepare
from models.training import batches, run, step
from models.training.build import softmax_dtype
from models.training.config import TrainingConfig, training_config
from models.training.losses import Softmax
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
    """CPU seconds of each step, and of each part, step by step."""

    began: list[float] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    parts: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, its time added to the present step's."""

        def call(*args: Any, **kwargs: Any) -> Any:
            started = time.process_time()
            try:
                return function(*args, **kwargs)
            finally:
                self.parts[part][-1] += time.process_time() - started

        return call

    def batches(self, made: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        """The same batches; to ask for one is where a step begins."""

        def batches(*args: Any, **kwargs: Any) -> Iterator[Any]:
            source = made(*args, **kwargs)
            while True:
                self.began.append(time.process_time())
                for part in (*PARTS, "data"):
                    self.parts[part].append(0.0)
                batch = next(source, None)
                if batch is None:
                    return
                self.parts["data"][-1] += time.process_time() - self.began[-1]
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
    as_it_is = summary(timed_training(prepared, config))
    without = {}
    for reduction, replaced in REDUCTIONS.items():
        with ExitStack() as patches:
            for owner, name, function in replaced:
                patches.enter_context(patch.object(owner, name, function))
            slow = summary(timed_training(prepared, config))
        times = slow["cpu_ms_per_next_item"] / as_it_is["cpu_ms_per_next_item"]
        without[reduction] = {"times_as_long_a_next_item": round(times, 2), **slow}
    result = {
        "what": f"one optimisation step of the {arguments.profile} profile on {arguments.dataset.name}",
        **circumstances(PACKAGES),
        "threads": torch.get_num_threads(),
        "softmax": str(softmax_dtype()).removeprefix("torch."),
        **as_it_is,
        "without": without,
    }
    keep(result, arguments.json)


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
        "cpu_ms_per_step": round(1_000 * median(seconds), 1),
        "cpu_ms_per_next_item": round(1_000 * total / sum(clock.positions[WARM_UP:]), 4),
        "next_items_per_cpu_second": round(sum(clock.positions[WARM_UP:]) / total),
        "shares": {part: round(share, 3) for part, share in sorted(shares.items(), key=lambda each: -each[1])},
    }


def logits_by_autograd(generated_RD: Tensor, softmax: Softmax, num_samples: int) -> Tensor:
    """Every logit [P, S, N] at once, kept for the way back."""
    logits = (generated_RD @ softmax.items_ND.T).view(-1, num_samples, len(softmax.items_ND))
    if softmax.log_weights_N is not None:
        logits = logits + softmax.log_weights_N
    masked = torch.zeros((len(logits), logits.shape[2]), dtype=torch.bool)
    masked[softmax.masked] = True
    return logits.masked_fill(masked[:, None], -torch.inf)


def soft_target_by_autograd(generated_PD: Tensor, targets_PT: Tensor, weights_PT: Tensor, softmax: Softmax) -> Tensor:
    """As `soft_target_likelihood`."""
    logs_PN = logits_by_autograd(generated_PD, softmax, 1)[:, 0].log_softmax(dim=-1)
    return -(weights_PT * logs_PN.gather(1, targets_PT)).sum(dim=1).mean()


def mixture_by_autograd(generated_PSD: Tensor, targets_P: Tensor, softmax: Softmax) -> Tensor:
    """As `mixture_likelihood`."""
    num_samples = generated_PSD.shape[1]
    logs_PSN = logits_by_autograd(generated_PSD.flatten(0, 1), softmax, num_samples).log_softmax(dim=-1)
    targets_P11 = targets_P[:, None, None].expand(-1, num_samples, 1)
    logs_PS = logs_PSN.gather(2, targets_P11)[..., 0]
    return -(logs_PS.logsumexp(dim=1) - math.log(num_samples)).mean()


def groups_of_any_length(windows_W2: NDArray[np.int64], config: TrainingConfig) -> list[NDArray[np.int64]]:
    """As `batches._bucketed`, in the order in which the windows come."""
    positions_W = windows_W2[:, 1] - windows_W2[:, 0] - 1
    groups, start = [], 0
    while start < len(windows_W2):
        room = np.searchsorted(np.cumsum(positions_W[start:]), config.positions_per_batch, side="right")
        stop = start + max(1, min(config.users_per_batch, int(room)))
        groups.append(windows_W2[start:stop])
        start = stop
    return groups


REDUCTIONS: Final = {
    "chunked bfloat16 softmax with a handmade gradient": (
        (step, "soft_target_likelihood", soft_target_by_autograd),
        (step, "mixture_likelihood", mixture_by_autograd),
    ),
    "batches of similar lengths": ((batches, "_bucketed", groups_of_any_length),),
}
"""What is taken away → what stands in its place."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--profile", choices=["full", "quick"], default="full")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--json", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
