"""What was listed lately: how much of the catalogue, and how evenly."""

# W places of the window, N items

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.metrics.gini import gini

WINDOW_PLACES: Final = 100_000
"""Listed places that count, newest last: ten thousand lists of ten; 400 kB."""
NOTHING: Final = -1


@dataclass(frozen=True, slots=True)
class Exposure:
    """The window's figures."""

    coverage: float
    """Share of the items that stand in a list of the window."""
    gini: float
    """Of how often items are listed: 0 evenly, towards 1 all places to one item."""


class ExposureWindow:
    """The newest listed places, in a ring; what they say is computed when it is asked."""

    def __init__(self, places: int = WINDOW_PLACES) -> None:
        self._rows_W = np.full(places, NOTHING, np.int32)
        self._next = 0

    def add(self, item_rows: list[int]) -> None:
        """One list was shown; at most as long as the window."""
        end = self._next + len(item_rows)
        if end > len(self._rows_W):
            self._rows_W[self._next :] = NOTHING  # the oldest places give way to a list that no longer fits here
            self._next, end = 0, len(item_rows)
        self._rows_W[self._next : end] = item_rows
        self._next = end

    def measure(self, num_items: int) -> Exposure | None:
        """The figures over `num_items` items; None before anything was listed."""
        rows_W = self._rows_W[self._rows_W != NOTHING]
        if not len(rows_W):
            return None
        counts_N = np.bincount(rows_W)
        num_shown = int(np.count_nonzero(counts_N))
        return Exposure(coverage=num_shown / max(num_items, num_shown), gini=gini(counts_N, num_items))
