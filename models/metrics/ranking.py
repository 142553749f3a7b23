"""How well ranked lists find what users really took next."""

# B users, K places, T targets of all users

import numpy as np
from numpy.typing import NDArray

from models.domain.item_rows import NO_ITEM


def hits(
    rows_BK: NDArray[np.int32],
    scores_BK: NDArray[np.float32],
    target_offsets_B1: NDArray[np.int64],
    targets_T: NDArray[np.int32],
) -> NDArray[np.bool_]:
    """Where the lists hit [B, K], with every tie in a score counted against the system.

    Among items of equal score the targets stand last, and a target is no hit where its tie goes on to the list's end:
    it may go on below.
    """
    users_T = np.repeat(np.arange(len(rows_BK)), np.diff(target_offsets_B1))
    keys_T = users_T * np.int64(2**32) + targets_T
    keys_BK = np.arange(len(rows_BK))[:, None] * np.int64(2**32) + rows_BK
    hit_BK = np.isin(keys_BK, keys_T) & (rows_BK != NO_ITEM)
    # rankers pad scores as they like; padding ties with nothing
    scores_BK = np.where(rows_BK == NO_ITEM, np.float32(-np.inf), scores_BK)
    # non-hits first within equal scores
    order_BK = np.lexsort((hit_BK, -scores_BK), axis=1)
    hit_BK = np.take_along_axis(hit_BK, order_BK, axis=1)
    if rows_BK.shape[1] > 1:
        full_B1 = rows_BK[:, -1:] != NO_ITEM
        sorted_BK = np.take_along_axis(scores_BK, order_BK, axis=1)
        tied_at_end_BK = (sorted_BK == sorted_BK[:, -1:]) & (sorted_BK[:, -2:-1] == sorted_BK[:, -1:])
        hit_BK &= ~(tied_at_end_BK & full_B1)
    return hit_BK


def hit_rate(hits_BK: NDArray[np.bool_], k: int) -> NDArray[np.float64]:
    """1 for each user with any target among the first k, else 0."""
    return np.asarray(hits_BK[:, :k].any(axis=1), np.float64)


def ndcg(hits_BK: NDArray[np.bool_], num_targets_B: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    """Normalised discounted cumulative gain at k, [B], binary relevance (Järvelin & Kekäläinen 2002)."""
    discounts_K = 1.0 / np.log2(np.arange(2, k + 2))
    found_B = (hits_BK[:, :k] * discounts_K[: hits_BK.shape[1]]).sum(axis=1)
    ideal_K = np.concatenate([[0.0], np.cumsum(discounts_K)])
    best_B = ideal_K[np.minimum(num_targets_B, k)]
    shares_B: NDArray[np.float64] = np.divide(found_B, best_B, out=np.zeros(len(hits_BK)), where=best_B > 0)
    return shares_B


def reciprocal_rank(hits_BK: NDArray[np.bool_], k: int) -> NDArray[np.float64]:
    """1/place of each user's first hit among the first k, else 0."""
    first_B = hits_BK[:, :k].argmax(axis=1)
    return np.asarray(np.where(hits_BK[:, :k].any(axis=1), 1.0 / (first_B + 1), 0.0), np.float64)
