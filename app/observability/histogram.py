"""A histogram that only the event loop fills.

prometheus_client's own locks on every observation, which takes 1.3 µs where this takes .3 (Xeon, Python 3.11); a
request makes a dozen.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString


class _Series:
    __slots__ = ("counts", "total")

    def __init__(self, num_buckets: int) -> None:
        self.counts = [0] * num_buckets
        self.total = 0.0


class LoopHistogram(Collector):
    """Observations by labels; a combination of labels that nothing was observed of is absent."""

    def __init__(
        self,
        registry: CollectorRegistry,
        name: str,
        documentation: str,
        *,
        labels: Sequence[str] = (),
        bounds: Sequence[float],
    ) -> None:
        """`bounds` are the buckets' upper ends, ascending; one without an end follows."""
        self._name = name
        self._documentation = documentation
        self._labels = labels
        self._bounds = bounds
        self._series: dict[tuple[str, ...], _Series] = {}
        registry.register(self)

    def observe(self, value: float, labels: tuple[str, ...] = ()) -> None:
        """Counts one value; on the event loop's thread only."""
        series = self._series.get(labels)
        if series is None:
            series = self._series[labels] = _Series(len(self._bounds) + 1)
        series.counts[bisect_left(self._bounds, value)] += 1
        series.total += value

    def collect(self) -> Iterable[HistogramMetricFamily]:
        """Called at each scrape, in any thread."""
        family = HistogramMetricFamily(self._name, self._documentation, labels=self._labels)
        ends = [*map(floatToGoString, self._bounds), "+Inf"]
        for labels, series in list(self._series.items()):
            total, counts = series.total, accumulate(list(series.counts))
            family.add_metric(labels, buckets=list(zip(ends, counts, strict=True)), sum_value=total)
        return [family]

    def describe(self) -> Iterable[HistogramMetricFamily]:
        """Names the family to the registry without reading it."""
        return [HistogramMetricFamily(self._name, self._documentation, labels=self._labels)]
