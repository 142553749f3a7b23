"""What lists are like besides being right: how much of the catalogue, how evenly, how varied, how surprising."""

# B users, K places, N items, V content values, X those of a few users

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from models.domain.item_rows import NO_ITEM
from models.metrics.gini import gini


def mean_of_known(values_B: NDArray[np.float64]) -> float | None:
    """The mean of those that are numbers; None where none is."""
    known_X = values_B[~np.isnan(values_B)]
    return float(known_X.mean()) if len(known_X) else None


def coverage(rows_BK: NDArray[np.int32], num_items: int) -> float:
    """Share of the catalogue that stands in any list."""
    return len(np.unique(rows_BK[rows_BK != NO_ITEM])) / num_items


def exposure_gini(rows_BK: NDArray[np.int32], num_items: int) -> float:
    """Gini coefficient of how often items are listed: 0 evenly, towards 1 all places to one item."""
    return gini(np.bincount(rows_BK[rows_BK != NO_ITEM]), num_items)


def intra_list_diversity(rows_BK: NDArray[np.int32], content_NV: sparse.csr_array) -> NDArray[np.float64]:
    """Mean of 1 − cosine over the pairs of each list, [B]; `content_NV` has rows of unit length, or of zeros.

    Items without content (rows of zeros) are passed over: nobody knows how different they are. NaN where a list has
    fewer than two others.
    """
    squared_N = np.asarray(content_NV.multiply(content_NV).sum(axis=1)).ravel()
    listed_BK = (rows_BK != NO_ITEM) & (squared_N > 0)[rows_BK]
    lengths_B = listed_BK.sum(axis=1)
    users = np.repeat(np.arange(len(rows_BK)), lengths_B)
    membership = sparse.csr_array(
        (np.ones(len(users)), (users, rows_BK[listed_BK])), shape=(len(rows_BK), content_NV.shape[0])
    )
    # Σ over pairs of v_i·v_j is |Σ v|² − Σ |v|²: no pair has to be looked at
    sums = membership @ content_NV
    squared_B = np.asarray(sums.multiply(sums).sum(axis=1)).ravel()
    own_B = membership @ squared_N
    pairs_B = lengths_B * (lengths_B - 1)
    unknown_B = np.full(len(rows_BK), np.nan)
    return np.asarray(np.divide(pairs_B - (squared_B - own_B), pairs_B, out=unknown_B, where=pairs_B > 0))


def novelty(rows_BK: NDArray[np.int32], num_events_N: NDArray[np.int64]) -> NDArray[np.float64]:
    """Mean surprise −log2 p of each list in bits, [B]; p is an item's share of training events, one added to each."""
    surprise_N = -np.log2((num_events_N + 1) / (num_events_N.sum() + len(num_events_N)))
    listed_BK = rows_BK != NO_ITEM
    total_B = np.where(listed_BK, surprise_N[np.maximum(rows_BK, 0)], 0.0).sum(axis=1)
    return np.asarray(
        np.divide(total_B, listed_BK.sum(axis=1), out=np.zeros(len(rows_BK)), where=listed_BK.any(axis=1))
    )
