"""Neighbours for tests, written down by hand."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.baselines.neighbours import VOICES, Neighbours
from models.domain.events import EVENT_TYPES


def neighbours_of(
    rows_NM: list[list[int]], weights_NM: list[list[float]], *, history_window: int = 10, age_decay: float = 0.8
) -> Neighbours:
    """Only the first voice speaks, and counts 1."""
    voices_NMV = np.zeros((len(rows_NM), len(rows_NM[0]), len(VOICES)), np.float32)
    voices_NMV[..., 0] = weights_NM
    weights_V: NDArray[np.float32] = np.eye(len(VOICES), dtype=np.float32)[0]
    return Neighbours(np.array(rows_NM, np.int32), voices_NMV, weights_V, history_window, age_decay)


def scores_of(neighbours: Neighbours, purchased_BL: Any, num: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """What follows purchases."""
    rows_BL = np.array(purchased_BL, np.int32)
    return neighbours.scores(rows_BL, np.full_like(rows_BL, EVENT_TYPES.index("purchase")), num)
