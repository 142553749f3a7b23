"""A picture training from the first step to the last, or from the checkpoint of an interrupted one."""

import math
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

from models.domain.errors import TrainingDiverged
from models.domain.progress import Progress
from models.networks.images.generator import PictureGenerator
from models.training.checkpoint import VERSION, Checkpoint, load_checkpoint, save_checkpoint
from models.training.images.config import PictureConfig
from models.training.images.data import PictureData, batches_from
from models.training.images.step import PicturePair, build_pair, take_step

CHECKPOINT_SECONDS: Final = 30.0
"""Most work that a kill can cost."""
NOTE_EVERY_STEPS: Final = 10
MEAN_DECAY: Final = 0.95


@dataclass(frozen=True, slots=True)
class TrainedPictures:
    """The averaged generator, in evaluation mode, and how training went."""

    generator: PictureGenerator
    means: Mapping[str, float]
    """Running means of every logged term at the end."""
    cpu_seconds: float
    """On all cores, from the first step; of a resumed run, up to its checkpoint and since."""


def train_pictures(
    data: PictureData, config: PictureConfig, *, checkpoint_folder: Path, resume: bool, progress: Progress
) -> TrainedPictures:
    """Train to the end.

    Raises TrainingDiverged at the first loss that is no number, and CheckpointMismatch where `resume` meets another
    run's checkpoint.
    """
    pair = build_pair(config, data)
    start = _begin(pair, data, config, checkpoint_folder, resume=resume)
    means: dict[str, float] = dict(start.watch.get("means", {}))
    cpu_started = time.process_time() - start.watch.get("cpu_seconds", 0.0)
    saved_at = time.monotonic()
    progress.start(f"Training pictures of {config.size} × {config.size}", config.steps)
    progress.advance(start.step)
    batches = batches_from(data, batch_size=config.batch_size, seed=config.seed, start=start.step)
    for done, batch in zip(range(start.step, config.steps), batches, strict=False):
        terms = take_step(pair, batch, config, done)
        if not all(map(math.isfinite, terms.values())):
            raise TrainingDiverged(done, "a picture loss is no finite number")
        means = {name: MEAN_DECAY * means.get(name, term) + (1 - MEAN_DECAY) * term for name, term in terms.items()}
        progress.advance(note=_note(means) if done % NOTE_EVERY_STEPS == 0 else "")
        if done + 1 == config.steps or time.monotonic() - saved_at > CHECKPOINT_SECONDS:
            watch = {"means": means, "cpu_seconds": time.process_time() - cpu_started}
            save_checkpoint(checkpoint_folder, pair.trainee, Checkpoint(0, done + 1, start.run, watch))
            saved_at = time.monotonic()
    progress.finish(_note(means))
    return TrainedPictures(pair.average.eval(), means, time.process_time() - cpu_started)


def _begin(pair: PicturePair, data: PictureData, config: PictureConfig, folder: Path, *, resume: bool) -> Checkpoint:
    settings = {name: str(value) for name, value in config.as_dict().items()}
    options = {f"--{name}": settings.pop(name) for name in ("size", "steps", "seed")}
    run = {VERSION: version("figment"), **options, "data": data.digest, **settings}
    found = load_checkpoint(folder, pair.trainee, run) if resume else None
    if found is None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        return Checkpoint(0, 0, run, {})
    return found


def _note(means: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {means[name]:.2f}" for name in ("generator", "critic", "accuracy") if name in means)
