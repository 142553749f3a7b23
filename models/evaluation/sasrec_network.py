"""SASRec's network and its objective: item embeddings, read and scored, and cross-entropy over all of them."""

# B users, L events, P positions, D features, N items, C items of the softmax

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.data.sequences import Sequences
from models.domain.item_rows import NO_ITEM
from models.features.spec import MAX_HISTORY_EVENTS
from models.networks.history_encoder import HistoryEncoder
from models.training.batches import TrainingBatch
from models.training.build import softmax_dtype
from models.training.config import TrainingConfig
from models.training.losses import Softmax, soft_target_likelihood
from models.training.step import lessons_of, softmax_rows


@dataclass(frozen=True, slots=True)
class TrainedItems:
    """What training may name."""

    rows: Tensor
    """Items with a training event, ascending."""
    softmax_dtype: torch.dtype

    @classmethod
    def of(cls, train: Sequences) -> "TrainedItems":
        """In the arithmetic that is fast here."""
        return cls(torch.from_numpy(np.unique(train.item_rows_E).astype(np.int64)), softmax_dtype())


class SasRecNetwork(nn.Module):
    """One table of item embeddings, read by the history encoder and scored by its taste."""

    def __init__(self, num_items: int, config: TrainingConfig, initial_scale: float = 16.0) -> None:
        super().__init__()
        self.items = nn.Embedding(num_items, config.embedding_size)
        self.encoder = HistoryEncoder(
            embedding_size=config.embedding_size,
            num_layers=config.num_layers,
            num_heads=config.num_heads,
            max_events=MAX_HISTORY_EVENTS,
            dropout=config.dropout,
            event_weights=dict(config.event_weights),
        )
        self.log_scale = nn.Parameter(torch.tensor(math.log(initial_scale)))
        nn.init.normal_(self.items.weight, std=0.02)

    def forward(self, history_features: Tensor, history_mask: Tensor, event_types: Tensor, gaps: Tensor) -> Tensor:
        """Tastes of unit length [B, L, D]."""
        return functional.normalize(self.encoder(history_features, history_mask, event_types, gaps), dim=-1)

    def likelihood(self, batch: TrainingBatch, catalogue: TrainedItems, config: TrainingConfig) -> Tensor:
        """Cross-entropy over the trained items, at every position, against the next item and the teacher's list."""
        rows_C, log_weights_C = softmax_rows(batch, catalogue.rows, config.softmax_items)
        column_of_N = torch.full((self.items.num_embeddings,), -1, dtype=torch.int64)
        column_of_N[rows_C] = torch.arange(len(rows_C))
        features_CD = self.items(rows_C)
        rows_BL = torch.from_numpy(batch.history.item_rows_BL).long()
        present_BL = rows_BL != NO_ITEM
        # whole items go unread in a step, as the generator's identities do
        read_CD = features_CD * (torch.rand(len(rows_C), 1) >= config.identity_dropout)
        tastes_BLD = self(
            read_CD[column_of_N[rows_BL.clamp_min(0)].clamp_min(0)] * present_BL[..., None],
            present_BL,
            torch.from_numpy(batch.history.event_types_BL),
            torch.from_numpy(batch.history.gaps_BL),
        )
        tastes_PD = tastes_BLD[torch.from_numpy(batch.positions_P2).unbind(1)]
        masked_columns_M = column_of_N[torch.from_numpy(batch.masked_items_M).long()]
        masked = (torch.from_numpy(batch.masked_positions_M), masked_columns_M)
        softmax = Softmax(features_CD, masked, catalogue.softmax_dtype, log_weights_C)
        lessons = lessons_of(batch, column_of_N, config.teacher_share)
        return soft_target_likelihood(self.log_scale.exp() * tastes_PD, *lessons, softmax)
