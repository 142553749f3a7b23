"""A shopper's history to a taste at every event: a causal transformer."""

# B users, L events, D features, H heads

import math
from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor, nn

from models.domain.events import EVENT_TYPES, EVENT_WEIGHTS, EventType
from models.features.histories import NUM_EVENT_TYPES, NUM_GAP_BUCKETS

MASKED = -1e9
"""Finite, so that a row without any event stays a number."""
_PURCHASE: Final = EVENT_TYPES.index("purchase")
_LEAST_WEIGHT: Final = 1e-3


def _log(weight: float) -> float:
    return math.log(max(weight, _LEAST_WEIGHT))


class _Block(nn.Module):
    """Pre-norm attention with relative position bias, then a feed-forward layer."""

    def __init__(self, size: int, num_heads: int, max_events: int, dropout: float) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.attention_norm = nn.LayerNorm(size)
        self.query_key_value = nn.Linear(size, 3 * size)
        self.output = nn.Linear(size, size)
        self.distance_bias = nn.Parameter(torch.zeros(num_heads, max_events))
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(size), nn.Linear(size, 2 * size), nn.GELU(), nn.Dropout(dropout), nn.Linear(2 * size, size)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, states_BLD: Tensor, visible_BLL: Tensor, interest_BL: Tensor, distance_LL: Tensor) -> Tensor:
        batch, length, size = states_BLD.shape
        qkv = self.query_key_value(self.attention_norm(states_BLD))
        query, key, value = qkv.view(batch, length, 3, self.num_heads, size // self.num_heads).permute(2, 0, 3, 1, 4)
        logits_BHLL = query @ key.transpose(-1, -2) * (size // self.num_heads) ** -0.5
        logits_BHLL = logits_BHLL + self.distance_bias[:, distance_LL] + interest_BL[:, None, None, :]
        logits_BHLL = logits_BHLL.masked_fill(~visible_BLL[:, None], MASKED)
        attended = self.dropout(logits_BHLL.softmax(dim=-1)) @ value
        states_BLD = states_BLD + self.dropout(self.output(attended.transpose(1, 2).reshape(batch, length, size)))
        return states_BLD + self.dropout(self.feed_forward(states_BLD))


class HistoryEncoder(nn.Module):
    """Causal: the taste at an event sees that event and the ones before it, never a later one."""

    def __init__(
        self,
        *,
        embedding_size: int,
        num_layers: int,
        num_heads: int,
        max_events: int,
        dropout: float,
        event_weights: Mapping[EventType, float] = EVENT_WEIGHTS,
    ) -> None:
        super().__init__()
        self.event_types = nn.Embedding(NUM_EVENT_TYPES, embedding_size)
        self.gaps = nn.Embedding(NUM_GAP_BUCKETS, embedding_size)
        self.input_norm = nn.LayerNorm(embedding_size)
        self.blocks = nn.ModuleList(_Block(embedding_size, num_heads, max_events, dropout) for _ in range(num_layers))
        self.output_norm = nn.LayerNorm(embedding_size)
        self.dropout = nn.Dropout(dropout)
        self.max_events = max_events
        self.log_interest = nn.Parameter(torch.tensor([_log(event_weights.get(name, 1.0)) for name in EVENT_TYPES]))
        for table in (self.event_types, self.gaps):
            nn.init.normal_(table.weight, std=0.02)

    def forward(self, history_features: Tensor, history_mask: Tensor, event_types: Tensor, gaps: Tensor) -> Tensor:
        """Tastes [B, L, D]; right-aligned, so the shopper's present taste stands in the last column."""
        length = history_features.shape[1]
        places_L = torch.arange(length, device=history_features.device)
        distance_LL = places_L[:, None] - places_L[None, :]
        visible_BLL = history_mask[:, None, :] & (distance_LL >= 0)
        # each event draws as much more attention than its place and content earn it as it shows more interest than a
        # purchase, whose own stays at 1: where there is nothing but purchases, nothing is to be learned
        interest_BL = (self.log_interest - self.log_interest[_PURCHASE])[event_types]
        states_BLD = history_features + self.event_types(event_types) + self.gaps(gaps)
        states_BLD = self.dropout(self.input_norm(states_BLD))
        for block in self.blocks:
            states_BLD = block(states_BLD, visible_BLL, interest_BL, distance_LL.clamp(0, self.max_events - 1))
        return self.output_norm(states_BLD)
