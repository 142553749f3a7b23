"""A run under way: the loop, the last state that the watch found good, and the way back to it."""

import copy
import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final, Protocol

import torch
from torch import Tensor

from models.data.sequences import Sequences
from models.domain.counted import counted
from models.domain.errors import NothingLearned, TrainingDiverged
from models.domain.progress import Progress
from models.features.content import ItemContent
from models.features.spec import FeatureSpec
from models.training import team
from models.training.batches import count_batches, epoch_batches
from models.training.build import softmax_dtype
from models.training.checkpoint import Checkpoint, Trainee, restore, save_checkpoint, snapshot
from models.training.config import TrainingConfig
from models.training.memory import return_freed_memory
from models.training.optimise import apply_gradient, follow, set_learning_rates
from models.training.probe import Probe
from models.training.remedy import calmed, is_exhausted, told
from models.training.step import CatalogueTensors, Networks, Step
from models.training.teacher import TaughtLists
from models.training.watch import Incident, Watch, is_unlearned, nothing_learned

LOG_EVERY_STEPS: Final = 20
PROBE_EVERY_STEPS: Final = 50
"""Rounded up to the end of an epoch. A probe costs less than a step; with all else that the watch does, 1.0–1.4 % of a
quick training's CPU time (measured on online_retail, amazon_beauty and the tests' tiny shop)."""
NO_PATTERN: Final = (
    "In these data hardly anything of what is taken next follows from what was taken before: a longer period or more"
    " shoppers may help; `figment evaluate --dataset DIR` tells what popular items and neighbours find"
)
NO_STEP: Final = "no history has a next event to learn"
CHECKPOINT_SECONDS: Final = 20.0
"""Most work that a kill can cost, rounded up to the next probe that finds something learned."""


class ScalarLog(Protocol):
    """What TensorBoard's writer does here."""

    def add_scalar(self, name: str, value: float, step: int, /) -> object:
        """One figure of one step."""


@dataclass(frozen=True, slots=True)
class TrainingData:
    """All that the networks learn from."""

    sequences: Sequences
    content: ItemContent
    spec: FeatureSpec
    mask_seen: bool
    """Whether items of a history are out of its softmax: where shoppers rarely buy twice, nobody asks for them."""
    digest: str
    taught: TaughtLists | None = None
    """The teacher's lists; without them the next item alone is the lesson."""
    options: Mapping[str, str] = field(default_factory=dict)
    """What was asked for, by the option's name (`--split`): told where a checkpoint differs in it."""


@dataclass(frozen=True, slots=True)
class RunLength:
    """How long a run is."""

    epochs: int
    steps: int
    """At least 1."""

    @classmethod
    def of(cls, sequences: Sequences, config: TrainingConfig, max_events: int) -> "RunLength":
        """Small data gets as many more epochs as the least number of steps asks for."""
        first_epoch = max(1, count_batches(sequences, config, epochs=1, max_events=max_events))
        epochs = max(config.epochs, math.ceil(config.min_steps / first_epoch))
        return cls(epochs, max(1, count_batches(sequences, config, epochs=epochs, max_events=max_events)))


@dataclass(slots=True)
class Run:
    """Epochs of adversarial steps, checkpointed, logged, watched, and rolled back where they go wrong."""

    data: TrainingData
    config: TrainingConfig
    length: RunLength
    networks: Networks
    average: Networks
    trainee: Trainee
    catalogue: CatalogueTensors
    probe: Probe
    checkpoint_folder: Path
    progress: Progress
    good: Checkpoint
    """Where a roll-back leads; every checkpoint on the disk was one, so that a resumed run rolls back alike."""
    good_tensors: Mapping[str, Tensor]
    incidents: list[Incident]
    saved_step: int
    """Of the checkpoint on the disk; 0 where there is none."""
    watch: Watch = field(default_factory=Watch)
    epoch: int = 0
    done: int = 0
    saved: float = field(default_factory=time.monotonic)

    def restart(self) -> None:
        """Begin, or begin again, at the good state."""
        self.watch = Watch(**copy.deepcopy(dict(self.good.watch)))
        self.epoch, self.done = self.good.epoch, self.good.step
        self.progress.start("training", total=self.length.steps)
        self.progress.advance(self.done)

    def to_the_end(self, log: ScalarLog) -> None:
        """Train what is left; raises TrainingDiverged at the first alarm."""
        settings = calmed(self.config, self.incidents)
        log.add_scalar("roll_backs", len(self.incidents), self.done)
        # positions for noise and critic are shared out, as the batches are
        settings = replace(settings, mixture_positions=max(1, settings.mixture_positions // team.size()))
        step = Step(settings, self.networks, self.average, self.catalogue, softmax_dtype())
        while self.epoch < self.length.epochs:
            self._train_epoch(step, log)
            return_freed_memory()
            self.epoch += 1
            is_last = self.epoch == self.length.epochs
            if is_last or self.done - self.good.step >= PROBE_EVERY_STEPS:
                self._ask_probe(log, is_last=is_last)

    def _ask_probe(self, log: ScalarLog, *, is_last: bool) -> None:
        """Raises TrainingDiverged for a collapse, and for networks that have learned nothing in half of the run."""
        figures = team.from_first(lambda: self.probe.figures(self.networks, self.catalogue))
        _write(log, {f"probe/{name}": value for name, value in figures.items()}, self.done)
        self.watch.look_at_probe(self.done, figures)
        unlearned = bool(figures) and is_unlearned(figures)
        # fewer steps than that are no training, and nothing to judge
        if unlearned and self.done >= max(PROBE_EVERY_STEPS, self.length.steps / 2):
            raise nothing_learned(self.done, figures)
        if is_last or not unlearned:
            self._keep(to_disk=is_last or time.monotonic() - self.saved > CHECKPOINT_SECONDS)

    def roll_back(self, diverged: TrainingDiverged) -> None:
        """Restore the good state and tell what went wrong; raises TrainingDiverged where nothing is left to try."""
        unlearned = isinstance(diverged, NothingLearned)
        if is_exhausted(self.config, self.incidents, nothing_learned=unlearned):
            raise self.given_up(diverged) from diverged
        incident = Incident(self.epoch, diverged.step, diverged.reason, "", nothing_learned=unlearned)
        remedy = told(calmed(self.config, [*self.incidents, incident]))
        self.incidents.append(replace(incident, remedy=remedy))
        self.progress.finish(
            f"{diverged.reason} (step {diverged.step} of {self.length.steps}):"
            f" rolled back to {f'step {self.good.step}' if self.good.step else 'the start'}; now {remedy}"
        )
        restore(self.trainee, self.good_tensors)
        self.restart()

    def given_up(self, diverged: TrainingDiverged) -> TrainingDiverged:
        """The alarm with what was tried, and what else there is to try."""
        tried = f"; {counted(len(self.incidents), 'roll-back')} did not help" if self.incidents else ""
        advice = f". {NO_PATTERN}" if isinstance(diverged, NothingLearned) else ""
        return TrainingDiverged(diverged.step, f"{diverged.reason}{tried}{advice}")

    def leave(self) -> None:
        """Keep the good state on the disk, so that a stop costs less than CHECKPOINT_SECONDS; the run is over."""
        if self.good.step > self.saved_step:
            restore(self.trainee, self.good_tensors)
            self._save()

    def note(self) -> str:
        """What a bar has room for; of histories too short for a step, no figure."""
        means, epoch = self.watch.means, min(self.epoch + 1, self.length.epochs)
        parts = [f"epoch {epoch}/{self.length.epochs}"]
        if "likelihood" in means:
            parts.append(f"likelihood {means['likelihood']:.3f}")
        if "critic_accuracy" in means:
            parts.append(f"critic right {means['critic_accuracy']:.0%}")
        return " · ".join(parts if means else [*parts, NO_STEP])

    def _train_epoch(self, step: Step, log: ScalarLog) -> None:
        config, data = step.config, self.data
        # noise of its own for each process that trains along; the first one's is that of a process alone
        torch.manual_seed((team.rank() << 48) + (config.seed << 16) + self.epoch)
        batches = epoch_batches(
            data.sequences,
            config,
            epoch=self.epoch,
            max_events=data.spec.max_history_events,
            uses_time=data.spec.uses_time,
            mask_seen=data.mask_seen,
            taught=data.taught,
            share=team.share_of,
        )
        for batch in batches:
            weight = team.weight_of(len(batch.targets_P))
            share = min(1.0, self.done / self.length.steps)
            epochs = (self.done + 1) * self.length.epochs / self.length.steps
            set_learning_rates(self.trainee, config, share, epochs)
            generator_loss, critic_loss, terms = step.losses(batch, config.instance_noise * (1 - share))
            optimizers = self.trainee.optimizers
            norm = apply_gradient(generator_loss, optimizers["generator"], config.gradient_clip, weight)
            critic_norm = apply_gradient(critic_loss, optimizers["critic"], math.inf, weight)
            team.follow_first(self.networks)
            agreed = team.averaged(terms, weight)
            self.watch.look(self.done, {**agreed, "gradient_norm": norm, "critic_gradient_norm": critic_norm})
            follow(self.average, self.networks, config.ema_decay, self.done)
            self.done += 1
            if self.done % LOG_EVERY_STEPS == 0:
                _write(log, self.watch.means, self.done)
            self.progress.advance(1, self.note())

    def _keep(self, *, to_disk: bool) -> None:
        """The state that the probe has just found good is where the next roll-back leads."""
        self.good = Checkpoint(
            epoch=self.epoch,
            step=self.done,
            run=self.good.run,
            watch=self.watch.as_dict(),
            incidents=tuple(asdict(each) for each in self.incidents),
        )
        self.good_tensors = snapshot(self.trainee)
        if to_disk:
            self._save()

    def _save(self) -> None:
        if team.rank() == 0:
            save_checkpoint(self.checkpoint_folder, self.trainee, self.good)
            self.saved, self.saved_step = time.monotonic(), self.good.step


def _write(log: ScalarLog, values: Mapping[str, float], step: int) -> None:
    for name, value in values.items():
        log.add_scalar(name, value, step)
