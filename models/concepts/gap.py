"""The gap: how far a feature is from every product there is, and the way from a wish into it."""

# X features, A items, K nearest items, D features' width

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.domain.stages import timed
from models.synthesis.workshop import directions

NUM_NEAREST: Final = 64
"""Only these push; farther ones weigh nothing at this sharpness."""
STEPS_PER_SEARCH: Final = 5
STEP: Final = 0.05
SHARPNESS: Final = 30.0
"""Of the softmax that says which items push: at 30, one that is .1 nearer pushes twenty times as hard."""
MOST_STEPS: Final = 60
ENTRIES_PER_BLOCK: Final = 4_000_000
"""Cosines that lie in memory at once, however large the catalogue is."""


def nearest(
    features_XD: NDArray[np.float32], content_AD: NDArray[np.float32], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Places [X, K] of the nearest items, nearest first, and their cosines; all rows have length 1."""
    k = min(k, len(content_AD))
    places_XK = np.empty((len(features_XD), k), np.int64)
    cosines_XK = np.empty((len(features_XD), k), np.float32)
    block = max(1, ENTRIES_PER_BLOCK // len(content_AD))
    for start in range(0, len(features_XD), block):
        some = slice(start, start + block)
        cosine_XA = features_XD[some] @ content_AD.T
        best_XK = np.argpartition(-cosine_XA, k - 1, axis=1)[:, :k]
        of_best_XK = np.take_along_axis(cosine_XA, best_XK, axis=1)
        order_XK = np.argsort(-of_best_XK, axis=1, kind="stable")
        places_XK[some] = np.take_along_axis(best_XK, order_XK, axis=1)
        cosines_XK[some] = np.take_along_axis(of_best_XK, order_XK, axis=1)
    return places_XK, cosines_XK


def into_the_gap(
    wishes_XD: NDArray[np.float32], content_AD: NDArray[np.float32], novelty: float
) -> NDArray[np.float32]:
    """Each wish, moved step by step away from the products that are nearest to it, the farther the greater the novelty.

    Training on what exists draws every wish to something that exists; a wish itself has no gap, its surroundings do.
    """
    moved_XD = directions(wishes_XD)
    for step in range(round(novelty * MOST_STEPS)):
        with timed("search"):  # each by itself: work that nobody waits for any more ends before the next
            if step % STEPS_PER_SEARCH == 0:
                places_XK, _ = nearest(moved_XD, content_AD, NUM_NEAREST)
                pushing_XKD = content_AD[places_XK]
            cosine_XK = np.einsum("xd,xkd->xk", moved_XD, pushing_XKD)
            weight_XK = np.exp(SHARPNESS * (cosine_XK - cosine_XK.max(axis=1, keepdims=True)))
            weight_XK /= weight_XK.sum(axis=1, keepdims=True)
            moved_XD = directions(moved_XD - STEP * np.einsum("xk,xkd->xd", weight_XK, pushing_XKD))
    return moved_XD
