"""What a dislike says of other items: the nearer one is to what was disliked, the further down it goes."""

# P items, X disliked items, M neighbours, D features

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.domain.item_rows import NO_ITEM
from models.recommend.candidates import CandidateSource
from models.recommend.directions import directions

MAX_DISLIKES: Final = 50
"""The newest that count."""
PENALTY: Final = 2.0
"""What an item just like a disliked one loses, in deviations of the order."""
LEAST_COSINE: Final = 0.2
FULL_COSINE: Final = 0.7
"""Two random items of Amazon Beauty have a cosine of .1, two of one category .3, close neighbours .5 to .8."""


def nearness_to_disliked(
    source: CandidateSource, disliked_rows: NDArray[np.int32], rows_P: NDArray[np.int32]
) -> NDArray[np.float32]:
    """How near each item is to what was disliked [P], 0 to 1: by its feature or as a neighbour, whichever is nearer.

    Of several dislikes each takes its share of what the others left. A fact of the item and the dislikes alone.
    """
    disliked_rows = disliked_rows[-MAX_DISLIKES:]
    by_feature_PX = directions(source.item_features_ND[rows_P]) @ directions(source.item_features_ND[disliked_rows]).T
    near_PX = np.clip((by_feature_PX - LEAST_COSINE) / (FULL_COSINE - LEAST_COSINE), 0.0, 1.0)
    near_PX = np.maximum(near_PX, _as_neighbours(source, disliked_rows, rows_P))
    return np.asarray(1.0 - np.prod(1.0 - near_PX, axis=1), np.float32)


def less_disliked(
    source: CandidateSource,
    disliked_rows: NDArray[np.int32],
    rows_P: NDArray[np.int32],
    values_P: NDArray[np.float32],
    spread: float,
) -> NDArray[np.float32]:
    """Values of an order whose deviation is `spread`, lower for what is near to a dislike; untouched without one."""
    if not len(disliked_rows):
        return values_P
    return values_P - np.float32(PENALTY * spread) * nearness_to_disliked(source, disliked_rows, rows_P)


def _as_neighbours(
    source: CandidateSource, disliked_rows: NDArray[np.int32], rows_P: NDArray[np.int32]
) -> NDArray[np.float32]:
    """What each item weighs among the neighbours of each disliked one [P, X], as a share of the closest's weight."""
    neighbours = source.neighbours
    rows_XM = neighbours.rows_NM[disliked_rows]
    weights_XM = np.where(rows_XM == NO_ITEM, 0.0, neighbours.weighed(neighbours.voices_NMV[disliked_rows]))
    shares_XM = weights_XM / np.maximum(weights_XM.max(axis=1, keepdims=True), 1e-9)
    same_PXM = rows_P[:, None, None] == rows_XM
    return np.asarray((same_PXM * shares_XM).max(axis=2), np.float32)
