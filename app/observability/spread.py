"""How far apart the wishes are that noise makes of one history."""

# S samples, D features

from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

WINDOW_REQUESTS: Final = 100


class SpreadWindow:
    """The wishes of the newest requests that asked for several."""

    def __init__(self, requests: int = WINDOW_REQUESTS) -> None:
        self._wishes: deque[NDArray[np.float32]] = deque(maxlen=requests)

    def add(self, samples_SD: NDArray[np.float32]) -> None:
        """At least two wishes of one request; the array is kept."""
        self._wishes.append(samples_SD)

    def measure(self) -> float | None:
        """1 − cosine between two wishes of one request, mean over pairs and requests: 0 where noise changes nothing."""
        apart = [_mean_distance(samples_SD) for samples_SD in list(self._wishes)]
        return float(np.mean(apart)) if apart else None


def _mean_distance(samples_SD: NDArray[np.float32]) -> float:
    directions_SD = samples_SD / np.maximum(np.linalg.norm(samples_SD, axis=1, keepdims=True), 1e-9)
    count = len(directions_SD)
    # Σ over pairs of u·v is |Σ u|² less the own products: no pair has to be looked at
    alike = (np.square(directions_SD.sum(axis=0)).sum() - np.square(directions_SD).sum()) / (count * (count - 1))
    return max(0.0, 1.0 - float(alike))
