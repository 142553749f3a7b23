"""SASRec's network and its objective: item embeddings, read and scored, and cross-entropy over all of them."""

# B users, L events, P positions, M neighbours, T targets of a position, D features, N items, C items of the softmax

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from models.baselines.best_of_rows import best_of_rows
from models.baselines.item_knn import ItemKnn
from models.data.sequences import Sequences
from models.domain.item_rows import NO_ITEM
from models.features.spec import MAX_HISTORY_EVENTS
from models.networks.history_encoder import HistoryEncoder
from models.training.batches import TrainingBatch
from models.training.build import softmax_dtype
from models.training.config import TrainingConfig
from models.training.losses import Softmax, soft_target_likelihood
from models.training.step import softmax_rows

NEIGHBOURS: Final = 10
SMOOTHING: Final = 0.4
"""Share of the target that goes to what is taken together with the next item: rare items have few lessons of their own,
and the generator has a teacher."""


@dataclass(frozen=True, slots=True)
class TrainedItems:
    """What training may name, and what it takes for nearly right."""

    rows: Tensor
    """Items with a training event, ascending."""
    neighbours_NM: NDArray[np.int32]
    """What is taken together with each item, best first, -1 beyond the last."""
    shares_NM: NDArray[np.float32]
    """Their shares of the target; each row's sum is at most `SMOOTHING`."""
    softmax_dtype: torch.dtype

    @classmethod
    def of(cls, train: Sequences, num_items: int) -> "TrainedItems":
        """Co-occurrence as the usual item-kNN counts it."""
        similarity_NN = ItemKnn.fit(train, num_items).similarity_NN
        rows_NM, weights_NM = best_of_rows(
            similarity_NN.indptr.astype(np.int64), similarity_NN.indices, similarity_NN.data, NEIGHBOURS
        )
        shares_NM = SMOOTHING * weights_NM / np.maximum(weights_NM.sum(axis=1, keepdims=True), 1e-12)
        trained = torch.from_numpy(np.unique(train.item_rows_E).astype(np.int64))
        return cls(trained, rows_NM, shares_NM.astype(np.float32), softmax_dtype())

    def smoothed(self, batch: TrainingBatch) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """The next item and its neighbours [P, 1 + M], and their shares; what is out of the softmax gives its up."""
        rows_PM, shares_PM = self.neighbours_NM[batch.targets_P], self.shares_NM[batch.targets_P]
        num_items = len(self.neighbours_NM)
        keys_PM = np.arange(len(rows_PM))[:, None] * num_items + rows_PM
        masked_PM = np.isin(keys_PM, batch.masked_positions_M * num_items + batch.masked_items_M)
        left_out_PM = masked_PM | (rows_PM == NO_ITEM) | (rows_PM == batch.targets_P[:, None])
        rows_PT = np.concatenate(
            [batch.targets_P[:, None], np.where(left_out_PM, batch.targets_P[:, None], rows_PM)], axis=1
        )
        shares_PM = np.where(left_out_PM, np.float32(0.0), shares_PM)
        return rows_PT, np.concatenate([1.0 - shares_PM.sum(axis=1, keepdims=True), shares_PM], axis=1)


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
        )
        self.log_scale = nn.Parameter(torch.tensor(math.log(initial_scale)))
        nn.init.normal_(self.items.weight, std=0.02)

    def forward(self, history_features: Tensor, history_mask: Tensor, event_types: Tensor, gaps: Tensor) -> Tensor:
        """Tastes of unit length [B, L, D]."""
        return functional.normalize(self.encoder(history_features, history_mask, event_types, gaps), dim=-1)

    def likelihood(self, batch: TrainingBatch, catalogue: TrainedItems, config: TrainingConfig) -> Tensor:
        """Cross-entropy over the trained items, at every position of the batch, against the smoothed next item."""
        rows_C, log_weights_C = softmax_rows(batch, catalogue.rows, config.softmax_items)
        column_of_N = torch.full((self.items.num_embeddings,), -1, dtype=torch.int64)
        column_of_N[rows_C] = torch.arange(len(rows_C))
        features_CD = self.items(rows_C)
        rows_BL = torch.from_numpy(batch.history.item_rows_BL).long()
        present_BL = rows_BL != NO_ITEM
        tastes_BLD = self(
            features_CD[column_of_N[rows_BL.clamp_min(0)].clamp_min(0)] * present_BL[..., None],
            present_BL,
            torch.from_numpy(batch.history.event_types_BL),
            torch.from_numpy(batch.history.gaps_BL),
        )
        tastes_PD = tastes_BLD[torch.from_numpy(batch.positions_P2).unbind(1)]
        rows_PT, asked_PT = catalogue.smoothed(batch)
        masked_columns_M = column_of_N[torch.from_numpy(batch.masked_items_M).long()]
        masked = (torch.from_numpy(batch.masked_positions_M), masked_columns_M)
        columns_PT = column_of_N[torch.from_numpy(rows_PT).long()]
        # a neighbour outside of the sample gives its share to the next item
        shares_PT = torch.from_numpy(asked_PT) * (columns_PT >= 0)
        shares_PT[:, 0] += 1.0 - shares_PT.sum(dim=1)
        columns_PT = torch.where(columns_PT >= 0, columns_PT, columns_PT[:, :1])
        softmax = Softmax(features_CD, masked, catalogue.softmax_dtype, log_weights_C)
        return soft_target_likelihood(self.log_scale.exp() * tastes_PD, columns_PT, shares_PT, softmax)
