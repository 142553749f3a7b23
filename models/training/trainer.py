"""The training loop: epochs of adversarial steps, checkpointed, logged and watched."""

import copy
import math
import resource
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.tensorboard import SummaryWriter

from models.data.sequences import Sequences
from models.domain.counted import counted
from models.domain.progress import Progress
from models.features.content import ItemContent
from models.features.spec import FeatureSpec
from models.networks.critic import Critic
from models.networks.generator import Generator
from models.networks.history_encoder import HistoryEncoder
from models.networks.item_encoder import ItemEncoder
from models.training.batches import TrainingBatch, count_batches, epoch_batches
from models.training.checkpoint import VERSION, Checkpoint, Trainee, load_checkpoint, save_checkpoint
from models.training.config import TrainingConfig
from models.training.step import CatalogueTensors, Networks, Step
from models.training.teacher import TaughtLists
from models.training.watch import Watch

LOG_EVERY_STEPS: Final = 20
CHECKPOINT_SECONDS: Final = 20.0
"""Most work that a kill can cost, rounded up to the end of an epoch."""


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
class TrainedNetworks:
    """The averaged networks, in evaluation mode, and how training went."""

    networks: Networks
    steps: int
    means: Mapping[str, float]
    """Running means of every logged term at the end."""
    peak_memory_bytes: int
    cpu_seconds: float
    """Of this process on all cores; of a resumed run, since it was resumed."""


def build_networks(config: TrainingConfig, spec: FeatureSpec, content: ItemContent) -> Networks:
    """Freshly initialised networks; the same for the same seed."""
    torch.manual_seed(config.seed)
    items = ItemEncoder(
        text_width=spec.text_width,
        num_tags=len(spec.tags),
        num_items=content.num_items,
        embedding_size=config.embedding_size,
    )
    items.text_mean.copy_(torch.from_numpy(_mean_text(content)))
    encoder = HistoryEncoder(
        embedding_size=config.embedding_size,
        num_layers=config.num_layers,
        num_heads=config.num_heads,
        max_events=spec.max_history_events,
        dropout=config.dropout,
    )
    generator = Generator(encoder, embedding_size=config.embedding_size, noise_size=config.noise_size)
    critic = Critic(embedding_size=config.embedding_size, hidden_size=config.critic_hidden_size)
    return Networks(items, generator, critic)


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

    Raises TrainingDiverged, and CheckpointMismatch where `resume` meets another run's checkpoint.
    """
    cpu_started = time.process_time()
    torch.use_deterministic_algorithms(True)
    # filling fresh memory with NaN finds reads of it, and costs a tenth of the step
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # set by the module
    networks = build_networks(config, data.spec, data.content)
    average = copy.deepcopy(networks).eval().requires_grad_(False)
    trainee = _trainee(networks, average, config)
    run = _run_record(data, config)
    start = _resumed(checkpoint_folder, trainee, run, progress) if resume else None
    if start is None:
        shutil.rmtree(checkpoint_folder, ignore_errors=True)
        shutil.rmtree(log_folder, ignore_errors=True)
        start = Checkpoint(0, 0, run, {})
    counts_N = np.bincount(data.sequences.item_rows_E, minlength=data.content.num_items)
    step = Step(config, networks, average, CatalogueTensors(data.content, counts_N), softmax_dtype())
    watch = Watch(dict(start.means))
    done = start.step
    max_events = data.spec.max_history_events
    first_epoch = max(1, count_batches(data.sequences, config, epochs=1, max_events=max_events))
    epochs = max(config.epochs, math.ceil(config.min_steps / first_epoch))
    total = max(1, count_batches(data.sequences, config, epochs=epochs, max_events=max_events))
    progress.start("training", total=total)
    progress.advance(done)
    saved = time.monotonic()
    with SummaryWriter(str(log_folder), purge_step=done) as log:
        for epoch in range(start.epoch, epochs):
            torch.manual_seed((config.seed << 16) + epoch)
            for batch in _batches(data, config, epoch):
                share = min(1.0, done / total)
                _set_learning_rate(trainee.optimizers["generator"], config, share, (done + 1) * epochs / total)
                generator_loss, critic_loss, terms = step.losses(batch, config.instance_noise * (1 - share))
                norm = _apply(generator_loss, trainee.optimizers["generator"], config.gradient_clip)
                _apply(critic_loss, trainee.optimizers["critic"], math.inf)
                watch.look(done, {**terms, "gradient_norm": norm})
                _follow(average, networks, min(config.ema_decay, (1 + done) / (10 + done)))
                done += 1
                if done % LOG_EVERY_STEPS == 0:
                    _write(log, watch, done)
                progress.advance(1, _note(epoch, epochs, watch))
            if time.monotonic() - saved > CHECKPOINT_SECONDS or epoch + 1 == epochs:
                save_checkpoint(checkpoint_folder, trainee, Checkpoint(epoch + 1, done, run, dict(watch.means)))
                saved = time.monotonic()
    progress.finish(_note(epochs - 1, epochs, watch))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return TrainedNetworks(average, done, dict(watch.means), peak, time.process_time() - cpu_started)


def _write(log: SummaryWriter, watch: Watch, step: int) -> None:
    for name, value in watch.means.items():
        log.add_scalar(name, value, step)


def softmax_dtype() -> torch.dtype:
    """bfloat16 where the processor multiplies it natively, else float32."""
    features = torch.cpu.get_capabilities()
    return torch.bfloat16 if features.get("avx512_bf16") or features.get("amx_bf16") else torch.float32


def _batches(data: TrainingData, config: TrainingConfig, epoch: int) -> Iterator[TrainingBatch]:
    return epoch_batches(
        data.sequences,
        config,
        epoch=epoch,
        max_events=data.spec.max_history_events,
        uses_time=data.spec.uses_time,
        mask_seen=data.mask_seen,
        taught=data.taught,
    )


def _trainee(networks: Networks, average: Networks, config: TrainingConfig) -> Trainee:
    critic = torch.optim.Adam(networks.critic.parameters(), lr=config.critic_learning_rate, betas=(0.0, 0.9))
    return Trainee(
        modules={"networks": networks, "average": average},
        optimizers={"generator": _generator_optimizer(networks, config), "critic": critic},
    )


def _generator_optimizer(networks: Networks, config: TrainingConfig) -> torch.optim.Optimizer:
    """AdamW on generator and item encoder; only matrices decay."""
    parameters = [*networks.generator.parameters(), *networks.items.parameters()]
    return torch.optim.AdamW(
        [
            {"params": [each for each in parameters if each.ndim >= 2], "weight_decay": config.weight_decay},
            {"params": [each for each in parameters if each.ndim < 2], "weight_decay": 0.0},
        ],
        lr=config.learning_rate,
        betas=(0.9, 0.98),
        fused=True,
    )


def _set_learning_rate(optimizer: torch.optim.Optimizer, config: TrainingConfig, share: float, epochs: float) -> None:
    """Linear warm-up over the first epochs, then a cosine down to a small share."""
    floor = config.final_learning_rate_share
    cosine = floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * share))
    for group in optimizer.param_groups:
        group["lr"] = config.learning_rate * min(epochs / config.warmup_epochs, 1.0) * cosine


def _apply(loss: torch.Tensor, optimizer: torch.optim.Optimizer, clip: float) -> torch.Tensor:
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    norm = nn.utils.clip_grad_norm_([each for group in optimizer.param_groups for each in group["params"]], clip)
    optimizer.step()
    return norm


@torch.no_grad()
def _follow(average: Networks, networks: Networks, decay: float) -> None:
    """Exponential moving average of parameters; buffers are taken as they are."""
    torch._foreach_lerp_(list(average.parameters()), list(networks.parameters()), 1 - decay)
    for mine, theirs in zip(average.buffers(), networks.buffers(), strict=True):
        mine.copy_(theirs)


def _mean_text(content: ItemContent) -> NDArray[np.float32]:
    """Mean embedding of the items that have a text."""
    has_text_N = content.text_NE.any(axis=1)
    if not has_text_N.any():
        return np.zeros(content.text_NE.shape[1], np.float32)
    mean_E: NDArray[np.float32] = content.text_NE[has_text_N].mean(axis=0)
    return mean_E


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


def _note(epoch: int, epochs: int, watch: Watch) -> str:
    means = watch.means
    return (
        f"epoch {epoch + 1}/{epochs} · likelihood {means.get('likelihood', math.nan):.3f}"
        f" · critic right {means.get('critic_accuracy', math.nan):.0%}"
    )
