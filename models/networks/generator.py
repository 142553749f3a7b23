"""The generator: a history and noise to the features of the product wanted next."""

# B users, L events, D features, Z noise, S samples

import math

import torch
from torch import Tensor, nn

from models.networks.history_encoder import HistoryEncoder


class Generator(nn.Module):
    """History encoder and noise: z = 0 is the single best guess, other z are other wishes of the same shopper."""

    def __init__(
        self, encoder: HistoryEncoder, *, embedding_size: int, noise_size: int, initial_scale: float = 16.0
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.noise_size = noise_size
        self.taste_in = nn.Linear(embedding_size, 2 * embedding_size)
        self.noise_in = nn.Linear(noise_size, 2 * embedding_size, bias=False)
        self.wish_out = nn.Linear(2 * embedding_size, embedding_size, bias=False)
        nn.init.normal_(self.wish_out.weight, std=0.02)
        self.log_scale = nn.Parameter(torch.tensor(math.log(initial_scale)))

    def wishes(self, taste_BD: Tensor, noise_BSZ: Tensor) -> Tensor:
        """Generated item features [B, S, D], one per (user, noise) pair; exactly the taste where the noise is zero."""
        hidden_B1H = self.taste_in(taste_BD)[:, None]
        # the difference to the noiseless activation keeps z = 0 a fixed point without a second output to train
        moved_BSH = nn.functional.gelu(hidden_B1H + self.noise_in(noise_BSZ)) - nn.functional.gelu(hidden_B1H)
        return nn.functional.normalize(taste_BD[:, None] + self.wish_out(moved_BSH), dim=-1)

    def forward(
        self, history_features: Tensor, history_mask: Tensor, event_types: Tensor, gaps: Tensor, noise: Tensor
    ) -> Tensor:
        """Generated item features [B, S, D] for the newest event of each history."""
        return self.wishes(self.encoder.newest(history_features, history_mask, event_types, gaps), noise)


def draw_noise(shape: tuple[int, ...], generator: torch.Generator | None = None) -> Tensor:
    """Standard normal noise."""
    return torch.randn(shape, generator=generator)
