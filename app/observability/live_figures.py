"""Figures that nobody counts: they are read off the running service at each scrape, and absent where there are none."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from app.observability.spread import SpreadWindow


@dataclass(frozen=True, slots=True)
class IndexState:
    """What answers now."""

    model_version: str
    index_version: str
    serves: str
    """The system that orders the lists."""
    num_items: int
    built_at: datetime
    """When the newest change in it was made."""

    @property
    def age_seconds(self) -> int:
        """Since then, whole seconds."""
        return max(0, int(time.time() - self.built_at.timestamp()))


class LiveFigures(Collector):
    """Reads its sources when it is asked. A source that is None yet has nothing to say."""

    def __init__(self) -> None:
        self.queue_depth: Callable[[], int] | None = None
        self.index: Callable[[], IndexState | None] | None = None
        self.spread = SpreadWindow()
        self.probe_recall: float | None = None
        self.is_draining = False

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Called at each scrape, in any thread."""
        yield _gauge("figment_draining", "1 once the process was told to stop.", float(self.is_draining))
        if self.queue_depth:
            yield _gauge("figment_queue_depth", "Pieces of work that wait for a thread.", self.queue_depth())
        if self.probe_recall is not None:
            documentation = "Share of the true nearest items that the index found, when it was last probed."
            yield _gauge("figment_probe_recall_ratio", documentation, self.probe_recall)
        if (spread := self.spread.measure()) is not None:
            documentation = "1 - cosine between two wishes of one request, mean over the newest that asked for several."
            yield _gauge("figment_generator_spread", documentation, spread)
        if self.index and (index := self.index()):
            yield from self._of_index(index)

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Nothing, so that registering does not read sources that are not there yet."""
        return ()

    def _of_index(self, index: IndexState) -> Iterable[GaugeMetricFamily]:
        names = ("model_version", "index_version", "recommender")
        info = GaugeMetricFamily("figment_model_info", "Which model and index answer; always 1.", labels=names)
        info.add_metric([index.model_version, index.index_version, index.serves], 1)
        yield info
        yield _gauge("figment_index_items", "Items in the index that answers.", index.num_items)
        yield _gauge("figment_index_age_seconds", "Since the newest change in the index.", index.age_seconds)


def _gauge(name: str, documentation: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, documentation, value=value)
