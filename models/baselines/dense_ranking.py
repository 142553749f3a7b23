"""Lists from a score for every item: for rankers that leave no item without one."""

# B users of a block, U users, N items, K places

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.baselines.popularity import Popularity
from models.data.sequences import Sequences
from models.domain.item_rows import NO_ITEM

USERS_PER_BLOCK: Final = 256
"""Bounds the scores that lie in memory at once."""


def rank_by_scores(
    scores_of: Callable[[Sequences], NDArray[np.float32]],
    histories: Sequences,
    k: int,
    popularity: Popularity,
    *,
    exclude_seen: bool,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Item rows [U, K], best first, and scores; -1 where no item is left.

    `scores_of` a block of histories is [B, N]. An item without a training event has a score that nothing taught, and is
    not listed. A shopper whose history has no item with one gets what is popular.
    """
    trained_N = popularity.num_events_N > 0
    known_U = np.bincount(
        histories.users_of_events_E()[trained_N[histories.item_rows_E]], minlength=histories.num_users
    )
    rows_UK = np.empty((histories.num_users, k), np.int32)
    scores_UK = np.empty((histories.num_users, k), np.float32)
    unknown = np.flatnonzero(known_U == 0)
    rows_UK[unknown], scores_UK[unknown] = popularity.rank(histories.take_users(unknown), k, exclude_seen=exclude_seen)
    known = np.flatnonzero(known_U)
    # users of similar length share a block, so that little of it is padding
    known = known[np.argsort(histories.lengths_U[known], kind="stable")]
    for start in range(0, len(known), USERS_PER_BLOCK):
        users = known[start : start + USERS_PER_BLOCK]
        block = histories.take_users(users)
        scores_BN = scores_of(block)
        scores_BN[:, ~trained_N] = -np.inf
        if exclude_seen:
            scores_BN[block.users_of_events_E(), block.item_rows_E] = -np.inf
        rows_UK[users], scores_UK[users] = best_of_scores(scores_BN, k)
    return rows_UK, scores_UK


def best_of_scores(scores_BN: NDArray[np.float32], k: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Item rows [B, K], highest score first, and scores; -1 where the score is -inf.

    Of equal scores the lower row comes first, but which of them is last to be listed is left open.
    """
    num_rows, num_items = scores_BN.shape
    kept = min(k, num_items)
    best_BK = np.sort(np.argpartition(-scores_BN, kept - 1, axis=1)[:, :kept], axis=1)
    found_BK = np.take_along_axis(scores_BN, best_BK, axis=1)
    order_BK = np.argsort(-found_BK, axis=1, kind="stable")
    found_BK = np.take_along_axis(found_BK, order_BK, axis=1)
    rows_BK = np.full((num_rows, k), NO_ITEM, np.int32)
    scores_BK = np.full((num_rows, k), -np.inf, np.float32)
    rows_BK[:, :kept] = np.where(np.isfinite(found_BK), np.take_along_axis(best_BK, order_BK, axis=1), NO_ITEM)
    scores_BK[:, :kept] = found_BK
    return rows_BK, scores_BK
