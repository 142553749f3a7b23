"""What is told about the index to whoever counts."""

from collections import Counter
from typing import Literal, Protocol

SwapResult = Literal["swapped", "refused", "failed"]
"""`refused`: the new index did not pass its checks; `failed`: building it raised an error."""


class WatchesIndex(Protocol):
    """Called on the event loop."""

    def index_swapped(self, result: SwapResult) -> None:
        """A new index was to answer."""

    def probe_recall_measured(self, ratio: float) -> None:
        """Share of the true nearest items that a new index finds, 0 to 1."""

    def index_replaced(self) -> None:
        """Another bundle answers: rows mean other items from now on."""


class IndexFigures:
    """Only counts."""

    def __init__(self) -> None:
        self.swaps: Counter[SwapResult] = Counter()
        self.probe_recall: float | None = None
        self.replacements = 0

    def index_swapped(self, result: SwapResult) -> None:
        """A new index was to answer."""
        self.swaps[result] += 1

    def probe_recall_measured(self, ratio: float) -> None:
        """Of the newest."""
        self.probe_recall = ratio

    def index_replaced(self) -> None:
        """Another bundle answers."""
        self.replacements += 1
