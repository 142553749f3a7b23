"""Do lists mix kinds of products as the shopper's history does? Steck (RecSys 2018), equation 6."""

# B users, K places, N items, G groups, E events of all histories, X events of a few

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.domain.item_rows import NO_ITEM

SMOOTHING: Final = 0.01
"""Share of the history's mixture that is added to the list's, so that a kind that is missing costs much, not all."""
UNKNOWN: Final = -1
USERS_PER_CALL: Final = 1_024


def miscalibration(
    rows_BK: NDArray[np.int32],
    taken_offsets_B1: NDArray[np.int64],
    taken_rows_E: NDArray[np.int32],
    groups_N: NDArray[np.int32],
) -> NDArray[np.float64]:
    """Kullback-Leibler divergence of each list's mixture of groups from its history's [B], in nats: 0 is as mixed.

    History b is `taken_rows_E[taken_offsets_B1[b] : taken_offsets_B1[b + 1]]`. `groups_N` is -1 where an item's group
    is unknown; such items are passed over. NaN where history or list has no other.
    """
    num_groups = int(groups_N.max(initial=0)) + 1
    divergence_B = np.empty(len(rows_BK))
    for start in range(0, len(rows_BK), USERS_PER_CALL):
        listed_BK = np.where(rows_BK == NO_ITEM, UNKNOWN, groups_N[rows_BK])[start : start + USERS_PER_CALL]
        offsets_B1 = taken_offsets_B1[start : start + len(listed_BK) + 1]
        taken_X = groups_N[taken_rows_E[offsets_B1[0] : offsets_B1[-1]]]
        users_B = np.arange(len(listed_BK))
        shape = (len(listed_BK), num_groups)
        taken_BG = _shares(np.repeat(users_B, np.diff(offsets_B1)), taken_X, shape)
        listed_BG = _shares(np.repeat(users_B, listed_BK.shape[1]), listed_BK.ravel(), shape)
        smoothed_BG = (1 - SMOOTHING) * listed_BG + SMOOTHING * taken_BG
        ratio_BG = np.divide(taken_BG, smoothed_BG, out=np.ones(shape), where=taken_BG > 0)
        divergence_B[start : start + len(listed_BK)] = (taken_BG * np.log(ratio_BG)).sum(axis=1)
    return divergence_B


def _shares(users_X: NDArray[np.int64], groups_X: NDArray[np.int32], shape: tuple[int, int]) -> NDArray[np.float64]:
    """Each group's share of a user's items [B, G]; a row of NaN where no group is known."""
    known_X = groups_X != UNKNOWN
    counts_BG = np.zeros(shape)
    np.add.at(counts_BG, (users_X[known_X], groups_X[known_X]), 1.0)
    total_B1 = counts_BG.sum(axis=1, keepdims=True)
    shares_BG: NDArray[np.float64] = np.divide(counts_BG, total_B1, out=np.full(shape, np.nan), where=total_B1 > 0)
    return shares_BG
