"""Optimisers, their learning rates, and the running average that ships."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from models.training.checkpoint import Trainee
from models.training.config import TrainingConfig
from models.training.step import Networks
from models.training.team import average_gradients


def build_trainee(networks: Networks, average: Networks, config: TrainingConfig) -> Trainee:
    """The networks, their average, and an optimiser each for generator (with item encoder) and critic."""
    critic = torch.optim.Adam(networks.critic.parameters(), lr=config.critic_learning_rate, betas=(0.0, 0.9))
    return Trainee(
        modules={"networks": networks, "average": average},
        optimizers={
            "generator": decaying_optimizer([*networks.generator.parameters(), *networks.items.parameters()], config),
            "critic": critic,
        },
    )


def decaying_optimizer(parameters: Sequence[nn.Parameter], config: TrainingConfig) -> torch.optim.Optimizer:
    """AdamW; only matrices decay."""
    return torch.optim.AdamW(
        [
            {"params": [each for each in parameters if each.ndim >= 2], "weight_decay": config.weight_decay},
            {"params": [each for each in parameters if each.ndim < 2], "weight_decay": 0.0},
        ],
        lr=config.learning_rate,
        betas=(0.9, 0.98),
        fused=True,
    )


def set_learning_rates(trainee: Trainee, config: TrainingConfig, share: float, epochs: float) -> None:
    """The generator's as `set_learning_rate` says; the critic's stays."""
    set_learning_rate(trainee.optimizers["generator"], config, share, epochs)
    for group in trainee.optimizers["critic"].param_groups:
        group["lr"] = config.critic_learning_rate


def set_learning_rate(optimizer: torch.optim.Optimizer, config: TrainingConfig, share: float, epochs: float) -> None:
    """Linear warm-up over the first epochs, then a cosine down to a small share.

    `share` of the training is done, and `epochs` of its passes.
    """
    floor = config.final_learning_rate_share
    cosine = floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * share))
    for group in optimizer.param_groups:
        group["lr"] = config.learning_rate * min(epochs / config.warmup_epochs, 1.0) * cosine


def apply_gradient(loss: Tensor, optimizer: torch.optim.Optimizer, clip: float, weight: float = 1.0) -> Tensor:
    """One step down; the gradient's norm before it was clipped.

    `weight`: of this process's gradient, where several train together.
    """
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    parameters: Sequence[Tensor] = [each for group in optimizer.param_groups for each in group["params"]]
    average_gradients(parameters, weight)
    norm = nn.utils.clip_grad_norm_(parameters, clip)
    optimizer.step()
    return norm


@torch.no_grad()
def follow(average: nn.Module, networks: nn.Module, ema_decay: float, done: int) -> None:
    """Exponential moving average of parameters, shorter in the first steps; buffers are taken as they are."""
    decay = min(ema_decay, (1 + done) / (10 + done))
    torch._foreach_lerp_(list(average.parameters()), list(networks.parameters()), 1 - decay)
    for mine, theirs in zip(average.buffers(), networks.buffers(), strict=True):
        mine.copy_(theirs)
