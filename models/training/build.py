"""Freshly initialised networks, and the arithmetic they are trained with."""

import numpy as np
import torch
from numpy.typing import NDArray

from models.features.content import ItemContent
from models.features.spec import FeatureSpec
from models.networks.critic import Critic
from models.networks.generator import Generator
from models.networks.history_encoder import HistoryEncoder
from models.networks.item_encoder import ItemEncoder
from models.training.config import TrainingConfig
from models.training.step import Networks


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
        event_weights=dict(config.event_weights),
    )
    generator = Generator(encoder, embedding_size=config.embedding_size, noise_size=config.noise_size)
    critic = Critic(embedding_size=config.embedding_size, hidden_size=config.critic_hidden_size)
    return Networks(items, generator, critic)


def use_repeatable_arithmetic() -> None:
    """The same numbers every time, at no more than they must cost."""
    torch.use_deterministic_algorithms(True)
    # filling fresh memory with NaN finds reads of it, and costs a tenth of the step
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # set by the module


def softmax_dtype() -> torch.dtype:
    """bfloat16 where the processor multiplies it natively, else float32."""
    features = torch.cpu.get_capabilities()
    return torch.bfloat16 if features.get("avx512_bf16") or features.get("amx_bf16") else torch.float32


def _mean_text(content: ItemContent) -> NDArray[np.float32]:
    """Mean embedding of the items that have a text."""
    has_text_N = content.text_NE.any(axis=1)
    if not has_text_N.any():
        return np.zeros(content.text_NE.shape[1], np.float32)
    mean_E: NDArray[np.float32] = content.text_NE[has_text_N].mean(axis=0)
    return mean_E
