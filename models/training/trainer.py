"""Training from the first step to the last, or from the checkpoint of an interrupted run."""

import copy
import os
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from models.domain.counted import counted
from models.domain.errors import TrainingDiverged
from models.domain.progress import NoProgress, Progress
from models.training import team
from models.training.build import build_networks, use_repeatable_arithmetic
from models.training.checkpoint import VERSION, Checkpoint, Trainee, load_checkpoint, restore, snapshot
from models.training.config import TrainingConfig
from models.training.optimise import build_trainee
from models.training.probe import Probe
from models.training.run import PROBE_EVERY_STEPS, Run, RunLength, ScalarLog, TrainingData
from models.training.step import CatalogueTensors, Networks
from models.training.watch import Incident, Watch, is_unlearned, nothing_learned, refuse_not_finite


@dataclass(frozen=True, slots=True)
class TrainedNetworks:
    """The averaged networks, in evaluation mode, and how training went."""

    networks: Networks
    steps: int
    resumed_steps: int
    """Of those, how many an earlier process had done."""
    means: Mapping[str, float]
    """Running means of every logged term at the end."""
    figures: Mapping[str, float]
    """What the last probe found in the averaged networks."""
    incidents: tuple[Incident, ...]
    """Every roll-back."""
    cpu_seconds: float
    """Of this process on all cores: `resumed_steps` cost it nothing."""


def train_networks(
    data: TrainingData,
    config: TrainingConfig,
    *,
    checkpoint_folder: Path,
    log_folder: Path,
    resume: bool,
    progress: Progress,
) -> TrainedNetworks:
    """Train to the end.

    Raises TrainingDiverged where rolling back does not help, and CheckpointMismatch where `resume` meets another run's
    checkpoint.
    """
    cpu_started = time.process_time()
    use_repeatable_arithmetic()
    run = _begin(data, config, checkpoint_folder, resume=resume, progress=progress)
    resumed_steps = run.done
    team.hand_out(_Task(data, config, run.good, run.good_tensors))
    if run.done == 0:
        shutil.rmtree(log_folder, ignore_errors=True)
    _to_the_end(run, lambda: SummaryWriter(str(log_folder), purge_step=run.done))
    figures = run.probe.figures(run.average, run.catalogue)
    # the average is what ships: the watch has seen only the networks that it follows
    try:
        refuse_not_finite(run.done, figures)
    except TrainingDiverged as diverged:
        raise run.given_up(diverged) from None
    if run.done >= PROBE_EVERY_STEPS and figures and is_unlearned(figures):
        raise run.given_up(nothing_learned(run.done, figures))
    progress.finish(run.note())
    return TrainedNetworks(
        networks=run.average,
        steps=run.done,
        resumed_steps=resumed_steps,
        means=dict(run.watch.means),
        figures=figures,
        incidents=tuple(run.incidents),
        cpu_seconds=time.process_time() - cpu_started,
    )


def help_training() -> None:
    """What the other processes of a team do: take part in each training of the first, and write nothing."""
    use_repeatable_arithmetic()
    team.help_until_done(_take_part)


@dataclass(frozen=True, slots=True)
class _Task:
    """One training, as the first process begins it."""

    data: TrainingData
    config: TrainingConfig
    start: Checkpoint
    tensors: Mapping[str, Tensor]


def _take_part(task: _Task) -> None:
    trainee, networks, average = _untrained(task.data, task.config)
    restore(trainee, task.tensors)
    run = _run(task.data, task.config, networks, average, trainee, task.start, Path(os.devnull), NoProgress())
    with suppress(TrainingDiverged):  # the first process tells it
        _to_the_end(run, lambda: nullcontext(_NoLog()))


class _NoLog:
    def add_scalar(self, name: str, value: float, step: int, /) -> None:
        """The first process writes it."""


def _to_the_end(run: Run, open_log: Callable[[], AbstractContextManager[ScalarLog]]) -> None:
    try:
        while run.epoch < run.length.epochs:
            with open_log() as log:
                try:
                    run.to_the_end(log)
                except TrainingDiverged as diverged:
                    run.roll_back(diverged)
    except KeyboardInterrupt:
        run.leave()
        raise


def _begin(
    data: TrainingData, config: TrainingConfig, checkpoint_folder: Path, *, resume: bool, progress: Progress
) -> Run:
    """A run at its first step, or where the checkpoint of an interrupted one stands."""
    trainee, networks, average = _untrained(data, config)
    record = {**run_record(data.options, config), "data": data.digest}
    start = _resumed(checkpoint_folder, trainee, record, progress) if resume else None
    if start is None:
        shutil.rmtree(checkpoint_folder, ignore_errors=True)
        start = Checkpoint(0, 0, record, Watch().as_dict())
    return _run(data, config, networks, average, trainee, start, checkpoint_folder, progress)


def _untrained(data: TrainingData, config: TrainingConfig) -> tuple[Trainee, Networks, Networks]:
    """With the networks, and those that average them."""
    networks = build_networks(config, data.spec, data.content)
    average = copy.deepcopy(networks).eval().requires_grad_(False)
    return build_trainee(networks, average, config), networks, average


def _run(
    data: TrainingData,
    config: TrainingConfig,
    networks: Networks,
    average: Networks,
    trainee: Trainee,
    start: Checkpoint,
    checkpoint_folder: Path,
    progress: Progress,
) -> Run:
    counts_N = np.bincount(data.sequences.item_rows_E, minlength=data.content.num_items)
    catalogue = CatalogueTensors(data.content, counts_N)
    run = Run(
        data=data,
        config=config,
        length=RunLength.of(data.sequences, config, data.spec.max_history_events),
        networks=networks,
        average=average,
        trainee=trainee,
        catalogue=catalogue,
        probe=Probe.of(data.sequences, catalogue, config, uses_time=data.spec.uses_time, mask_seen=data.mask_seen),
        checkpoint_folder=checkpoint_folder,
        progress=progress,
        good=start,
        good_tensors=snapshot(trainee),
        incidents=[Incident(**each) for each in start.incidents],
        saved_step=start.step,
    )
    run.restart()
    return run


def run_record(options: Mapping[str, str], config: TrainingConfig) -> dict[str, str]:
    """What a checkpoint must agree with to be resumed, besides its data, by the names that users know."""
    settings = {name: str(value) for name, value in config.as_dict().items()}
    profile_and_seed = {"--profile": settings.pop("profile"), "--seed": settings.pop("seed")}
    return {VERSION: version("figment"), **profile_and_seed, **options, **settings}


def _resumed(folder: Path, trainee: Trainee, run: Mapping[str, str], progress: Progress) -> Checkpoint | None:
    """The restored checkpoint, or None; either is told."""
    progress.start("resuming")
    found = load_checkpoint(folder, trainee, run)
    if found is None:
        progress.finish(f"no checkpoint in {folder}: training begins anew")
    else:
        progress.finish(f"{folder}: {counted(found.epoch, 'epoch')} and {counted(found.step, 'step')} are done")
    return found
