"""Training from the first step to the last, or from the checkpoint of an interrupted run."""

import copy
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from torch.utils.tensorboard import SummaryWriter

from models.domain.counted import counted
from models.domain.errors import TrainingDiverged
from models.domain.progress import Progress
from models.training.build import build_networks, use_repeatable_arithmetic
from models.training.checkpoint import VERSION, Checkpoint, Trainee, load_checkpoint, snapshot
from models.training.config import TrainingConfig
from models.training.optimise import build_trainee
from models.training.probe import Probe
from models.training.run import PROBE_EVERY_STEPS, UNLEARNED, Run, RunLength, TrainingData
from models.training.step import CatalogueTensors, Networks
from models.training.watch import Incident, Watch, is_unlearned


@dataclass(frozen=True, slots=True)
class TrainedNetworks:
    """The averaged networks, in evaluation mode, and how training went."""

    networks: Networks
    steps: int
    means: Mapping[str, float]
    """Running means of every logged term at the end."""
    figures: Mapping[str, float]
    """What the last probe found in the averaged networks."""
    incidents: tuple[Incident, ...]
    """Every roll-back."""
    cpu_seconds: float
    """Of this process on all cores; of a resumed run, since it was resumed."""


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
    if run.done == 0:
        shutil.rmtree(log_folder, ignore_errors=True)
    while run.epoch < run.length.epochs:
        with SummaryWriter(str(log_folder), purge_step=run.done) as log:
            try:
                run.to_the_end(log)
            except TrainingDiverged as diverged:
                run.roll_back(diverged)
    figures = run.probe.figures(run.average, run.catalogue)
    # the average is what ships: the watch has seen only the networks that it follows
    if run.done >= PROBE_EVERY_STEPS and figures and is_unlearned(figures):
        raise TrainingDiverged(run.done, UNLEARNED)
    progress.finish(run.note())
    return TrainedNetworks(
        networks=run.average,
        steps=run.done,
        means=dict(run.watch.means),
        figures=figures,
        incidents=tuple(run.incidents),
        cpu_seconds=time.process_time() - cpu_started,
    )


def _begin(
    data: TrainingData, config: TrainingConfig, checkpoint_folder: Path, *, resume: bool, progress: Progress
) -> Run:
    """A run at its first step, or where the checkpoint of an interrupted one stands."""
    networks = build_networks(config, data.spec, data.content)
    average = copy.deepcopy(networks).eval().requires_grad_(False)
    trainee = build_trainee(networks, average, config)
    record = _run_record(data, config)
    start = _resumed(checkpoint_folder, trainee, record, progress) if resume else None
    if start is None:
        shutil.rmtree(checkpoint_folder, ignore_errors=True)
        start = Checkpoint(0, 0, record, Watch().as_dict())
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
        probe=Probe.of(data.sequences, catalogue, config, uses_time=data.spec.uses_time),
        checkpoint_folder=checkpoint_folder,
        progress=progress,
        good=start,
        good_tensors=snapshot(trainee),
        incidents=[Incident(**each) for each in start.incidents],
    )
    run.restart()
    return run


def _run_record(data: TrainingData, config: TrainingConfig) -> dict[str, str]:
    """What a checkpoint must agree with to be resumed, by the names that users know."""
    settings = {name: str(value) for name, value in config.as_dict().items()}
    options = {"--profile": settings.pop("profile"), "--seed": settings.pop("seed"), **data.options}
    return {VERSION: version("figment"), **options, "data": data.digest, **settings}


def _resumed(folder: Path, trainee: Trainee, run: Mapping[str, str], progress: Progress) -> Checkpoint | None:
    """The restored checkpoint, or None; either is told."""
    progress.start("resuming")
    found = load_checkpoint(folder, trainee, run)
    if found is None:
        progress.finish(f"no checkpoint in {folder}: training begins anew")
    else:
        progress.finish(f"{folder}: {counted(found.epoch, 'epoch')} and {counted(found.step, 'step')} are done")
    return found
