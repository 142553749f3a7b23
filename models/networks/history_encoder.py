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
        query_BLD, key_BLD, value_BLD = self.query_key_value(self.attention_norm(states_BLD)).chunk(3, dim=-1)
        attended_BLD = self._attended(query_BLD, key_BLD, value_BLD, visible_BLL, interest_BL, distance_LL)
        return self._fed_forward(states_BLD + self.dropout(self.output(attended_BLD)))

    def newest(self, states_BLD: Tensor, visible_BLL: Tensor, interest_BL: Tensor, distance_LL: Tensor) -> Tensor:
        """What `forward` makes of the last position [B, 1, D]: the others are keys and values alone."""
        size, layer = states_BLD.shape[-1], self.query_key_value
        normed_BLD = self.attention_norm(states_BLD)
        query_B1D = nn.functional.linear(normed_BLD[:, -1:], layer.weight[:size], layer.bias[:size])
        key_BLD, value_BLD = nn.functional.linear(normed_BLD, layer.weight[size:], layer.bias[size:]).chunk(2, dim=-1)
        attended_B1D = self._attended(query_B1D, key_BLD, value_BLD, visible_BLL[:, -1:], interest_BL, distance_LL[-1:])
        return self._fed_forward(states_BLD[:, -1:] + self.output(attended_B1D))

    def _attended(
        self,
        query_BQD: Tensor,
        key_BLD: Tensor,
        value_BLD: Tensor,
        visible_BQL: Tensor,
        interest_BL: Tensor,
        distance_QL: Tensor,
    ) -> Tensor:
        query, key, value = (
            each.reshape(*each.shape[:2], self.num_heads, -1).transpose(1, 2)
            for each in (query_BQD, key_BLD, value_BLD)
        )
        logits_BHQL = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
        logits_BHQL = logits_BHQL + self.distance_bias[:, distance_QL] + interest_BL[:, None, None, :]
        logits_BHQL = logits_BHQL.masked_fill(~visible_BQL[:, None], MASKED)
        return (self.dropout(logits_BHQL.softmax(dim=-1)) @ value).transpose(1, 2).flatten(-2)

    def _fed_forward(self, states_BLD: Tensor) -> Tensor:
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
        states_BLD, *context = self._begun(history_features, history_mask, event_types, gaps)
        for block in self.blocks:
            states_BLD = block(states_BLD, *context)
        return self.output_norm(states_BLD)

    def newest(self, history_features: Tensor, history_mask: Tensor, event_types: Tensor, gaps: Tensor) -> Tensor:
        """The last column of `forward` [B, D], without the last block's other columns, which nobody asks for."""
        states_BLD, *context = self._begun(history_features, history_mask, event_types, gaps)
        for block in self.blocks[:-1]:
            states_BLD = block(states_BLD, *context)
        last = self.blocks[-1]
        assert isinstance(last, _Block)
        taste_B1D: Tensor = self.output_norm(last.newest(states_BLD, *context))
        return taste_B1D[:, 0]

    def _begun(
        self, history_features: Tensor, history_mask: Tensor, event_types: Tensor, gaps: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """States before the first block, and what all blocks read beside them: visible, interest, distance."""
        length = history_features.shape[1]
        places_L = torch.arange(length, device=history_features.device)
        distance_LL = places_L[:, None] - places_L[None, :]
        visible_BLL = history_mask[:, None, :] & (distance_LL >= 0)
        # each event draws as much more attention than its place and content earn it as it shows more interest than a
        # purchase, whose own stays at 1: where there is nothing but purchases, nothing is to be learned
        interest_BL = (self.log_interest - self.log_interest[_PURCHASE])[event_types]
        states_BLD = history_features + self.event_types(event_types) + self.gaps(gaps)
        states_BLD = self.dropout(self.input_norm(states_BLD))
        return states_BLD, visible_BLL, interest_BL, distance_LL.clamp(0, self.max_events - 1)
