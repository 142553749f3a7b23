"""One step of picture generator against picture critic."""

# B pictures, C channels, H height, W width, E condition, Z noise

import copy
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from models.networks.images.critic import PictureCritic
from models.networks.images.generator import PictureGenerator
from models.training.build import softmax_dtype
from models.training.checkpoint import Trainee
from models.training.images.config import PictureConfig
from models.training.images.data import PictureBatch, PictureData
from models.training.losses import critic_loss, generator_adversarial_loss
from models.training.optimise import follow

GRADIENT_CLIP = 10.0


@dataclass(slots=True)
class PicturePair:
    """The pair under training, and the generator's running average, which ships."""

    generator: PictureGenerator
    critic: PictureCritic
    average: PictureGenerator
    trainee: Trainee


def build_pair(config: PictureConfig, data: PictureData) -> PicturePair:
    """Freshly initialised; the same for the same seed."""
    torch.manual_seed(config.seed)
    asked = {
        "num_categories": data.num_categories,
        "num_colours": data.num_colours,
        "feature_size": data.feature_NF.shape[1],
        "condition_size": config.condition_size,
        "picture_channels": data.picture_channels,
    }
    generator = PictureGenerator(
        **asked, channels=config.channels, noise_size=config.noise_size, style_size=config.style_size
    )
    generator.mean_KCHW.copy_(_mean_pictures(data))
    critic = PictureCritic(**asked, channels=config.critic_channels)
    for network in (generator, critic):
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch leaves it untyped
    average = copy.deepcopy(generator).eval().requires_grad_(False)
    optimizers = {
        name: torch.optim.Adam(network.parameters(), lr=config.learning_rate, betas=(0.0, 0.99))
        for name, network in (("generator", generator), ("critic", critic))
    }
    trainee = Trainee(modules={"generator": generator, "critic": critic, "average": average}, optimizers=optimizers)
    return PicturePair(generator, critic, average, trainee)


def take_step(pair: PicturePair, batch: PictureBatch, config: PictureConfig, done: int) -> dict[str, float]:
    """Critic, then generator, then the average; every term for the log."""
    share = done / config.steps
    _set_learning_rates(pair.trainee, config, share)
    batch = _some_text_hidden(batch, config, done)
    noise = torch.Generator().manual_seed(_seed_of(config.seed, done))
    with torch.autocast("cpu", torch.bfloat16, enabled=softmax_dtype() == torch.bfloat16):
        critic_terms = _step_critic(pair, batch, config, noise, share)
        generator_loss = _step_generator(pair, batch, config, noise)
    follow(pair.average, pair.generator, config.ema_decay, done)
    return {**critic_terms, "generator": generator_loss}


def _step_critic(
    pair: PicturePair, batch: PictureBatch, config: PictureConfig, noise: torch.Generator, share: float
) -> dict[str, float]:
    photos_BCHW, *asked = batch
    with torch.no_grad():
        fake_BCHW = pair.generator(*asked, _noise(batch, config, noise)).float()
    verdict = critic_loss(
        pair.critic,
        pair.critic.condition(*asked),
        photos_BCHW,
        fake_BCHW,
        gamma=_geometric(config.gamma, config.final_gamma, share),
        num_penalised=config.num_penalised,
    )
    _apply(verdict.total, pair.trainee.optimizers["critic"], pair.critic)
    return {
        "critic": verdict.adversarial.item(),
        "r1": verdict.r1.item(),
        "r2": verdict.r2.item(),
        "accuracy": verdict.accuracy.item(),
    }


def _step_generator(pair: PicturePair, batch: PictureBatch, config: PictureConfig, noise: torch.Generator) -> float:
    photos_BCHW, *asked = batch
    pair.critic.requires_grad_(False)
    fake_BCHW = pair.generator(*asked, _noise(batch, config, noise)).float()
    loss = generator_adversarial_loss(pair.critic, pair.critic.condition(*asked), photos_BCHW, fake_BCHW)
    _apply(loss, pair.trainee.optimizers["generator"], pair.generator)
    pair.critic.requires_grad_(True)
    return loss.item()


def _apply(loss: Tensor, optimizer: torch.optim.Optimizer, network: nn.Module) -> None:
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    nn.utils.clip_grad_norm_(network.parameters(), GRADIENT_CLIP)
    optimizer.step()


def _noise(batch: PictureBatch, config: PictureConfig, generator: torch.Generator) -> Tensor:
    return torch.randn((len(batch.category_B), config.noise_size), generator=generator)


def _some_text_hidden(batch: PictureBatch, config: PictureConfig, done: int) -> PictureBatch:
    drawn_B1 = np.random.default_rng((config.seed, done, 1)).random((len(batch.feature_BF), 1))
    shown_B1 = torch.from_numpy(drawn_B1 >= config.feature_dropout)
    return batch._replace(feature_BF=batch.feature_BF * shown_B1)


def _set_learning_rates(trainee: Trainee, config: PictureConfig, share: float) -> None:
    """Cosine from the first to the last."""
    cosine = 0.5 * (1 + math.cos(math.pi * share))
    rate = config.final_learning_rate + (config.learning_rate - config.final_learning_rate) * cosine
    for optimizer in trainee.optimizers.values():
        for group in optimizer.param_groups:
            group["lr"] = rate


def _geometric(first: float, last: float, share: float) -> float:
    return first * (last / first) ** share


def _seed_of(seed: int, done: int) -> int:
    """A resumed run draws what an uninterrupted one would have drawn."""
    return int(np.random.SeedSequence((seed, done)).generate_state(1, np.uint64)[0] >> 1)


def _mean_pictures(data: PictureData) -> Tensor:
    """Mean photograph of every category, of all for row 0 and for a category without any."""
    photos_NHWC = data.photos_NHWC
    mean_KHWC = np.repeat(photos_NHWC.mean(axis=0, dtype=np.float64)[None], data.num_categories + 1, axis=0)
    for category in range(1, data.num_categories + 1):
        rows = data.category_N == category
        if rows.any():
            mean_KHWC[category] = photos_NHWC[rows].mean(axis=0, dtype=np.float64)
    return torch.from_numpy(mean_KHWC / 127.5 - 1.0).permute(0, 3, 1, 2).float()
