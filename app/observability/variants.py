"""What the variants of experiments showed and what came of it; lists outside of all experiments are one variant too."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.observability.exposure import ExposureWindow

Variant = tuple[str, str]
"""Ids of an experiment and of one of its variants."""
NO_EXPERIMENT: Final[Variant] = ("", "")
OTHER_VARIANTS: Final[Variant] = ("(others)", "(others)")
MAX_VARIANTS: Final = 20
"""With figures of their own, the first that come; the rest share those of OTHER_VARIANTS."""
MAX_CURRENCIES: Final = 20
"""Whose revenue is told, the first that come: any caller can make up more."""
LABELS: Final = ("experiment", "variant")
OUTCOME_EVENTS: Final = "figment_outcome_events"
OUTCOME_REVENUE: Final = "figment_outcome_revenue"


class VariantFigures(Collector):
    """Adds up on the event loop, tells at each scrape. All of it is of this process, since it started."""

    def __init__(self, num_items: Callable[[], int | None]) -> None:
        """`num_items` of the catalogue; None while nothing is served. Asked in any thread."""
        self._num_items = num_items
        self._windows: dict[Variant, ExposureWindow] = {}
        self._lists: Counter[Variant] = Counter()
        self._events: Counter[tuple[str, str, str]] = Counter()
        self._unattributed: Counter[str] = Counter()
        self._revenue: dict[tuple[str, str, str], float] = defaultdict(float)
        self._known: set[Variant] = set()
        self._currencies: set[str] = set()

    def listed(self, variant: Variant, lists: Iterable[list[int]]) -> None:
        """These item rows were shown, a list each."""
        variant = self._told_as(variant)
        window = self._windows.get(variant)
        if window is None:
            window = self._windows[variant] = ExposureWindow()
        for item_rows in lists:
            self._lists[variant] += 1
            window.add(item_rows)

    def outcome(self, variant: Variant, event_type: str, events: int, revenue: float, currency: str | None) -> None:
        """These events were put down to lists of the variant."""
        told = self._told_as(variant)
        self._events[*told, event_type] += events
        currency = currency or ""
        if revenue and (currency in self._currencies or len(self._currencies) < MAX_CURRENCIES):
            self._currencies.add(currency)
            self._revenue[*told, currency] += revenue

    def unattributed(self, event_type: str, events: int) -> None:
        """These events name a list that they could not be put down to."""
        self._unattributed[event_type] += events

    def forget_listed(self) -> None:
        """Rows mean other items from now on; sums stay."""
        self._windows.clear()

    def collect(self) -> Iterable[Metric]:
        """Called at each scrape, in any thread."""
        yield _counter("figment_variant_lists", "Lists that were answered.", LABELS, self._lists.items())
        named = (*LABELS, "event_type")
        yield _counter(OUTCOME_EVENTS, "Events put down to the lists of a variant.", named, self._events.items())
        documentation = "Quantity x unit_price of purchases put down to the lists of a variant."
        yield _counter(OUTCOME_REVENUE, documentation, (*LABELS, "currency"), self._revenue.items())
        documentation = "Events that name a list which they could not be put down to."
        unattributed = [((event_type,), events) for event_type, events in list(self._unattributed.items())]
        yield _counter("figment_unattributed_events", documentation, ("event_type",), unattributed)
        if (num_items := self._num_items()) is not None:
            yield from self._exposure(num_items)

    def describe(self) -> Iterable[Metric]:
        """Nothing, so that registering does not read what is not there yet."""
        return ()

    def _exposure(self, num_items: int) -> Iterable[Metric]:
        coverage = GaugeMetricFamily(
            "figment_catalogue_coverage_ratio", "Share of the items that stand in a recent list.", labels=LABELS
        )
        gini = GaugeMetricFamily(
            "figment_exposure_gini", "How unevenly recent lists show the items, 0 to 1.", labels=LABELS
        )
        for variant, window in list(self._windows.items()):
            if exposure := window.measure(num_items):
                coverage.add_metric(variant, exposure.coverage)
                gini.add_metric(variant, exposure.gini)
        yield coverage
        yield gini

    def _told_as(self, variant: Variant) -> Variant:
        if variant == NO_EXPERIMENT or variant in self._known:
            return variant
        if len(self._known) >= MAX_VARIANTS:
            return OTHER_VARIANTS
        self._known.add(variant)
        return variant


class WithoutOutcomes(Collector):
    """Every figure but what came of the lists."""

    def __init__(self, figures: Collector) -> None:
        self._figures = figures

    def collect(self) -> Iterable[Metric]:
        """Called at each scrape, in any thread."""
        return (metric for metric in self._figures.collect() if metric.name not in (OUTCOME_EVENTS, OUTCOME_REVENUE))


def _counter(
    name: str, documentation: str, labels: Sequence[str], sums: Iterable[tuple[Sequence[str], float]]
) -> CounterMetricFamily:
    family = CounterMetricFamily(name, documentation, labels=labels)
    for values, total in list(sums):
        family.add_metric(values, total)
    return family
