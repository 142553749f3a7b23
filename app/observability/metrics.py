"""What operators count and time: one object a process, and a method for each fact that somebody knows.

All methods are called on the event loop's thread, except where they say otherwise.
"""

from collections.abc import Callable, Sequence
from typing import Final, Literal, get_args

from prometheus_client import CollectorRegistry, Counter, disable_created_metrics
from prometheus_client.process_collector import ProcessCollector

from app.observability.histogram import LoopHistogram
from app.observability.live_figures import IndexState, LiveFigures
from app.observability.variants import NO_EXPERIMENT, Variant, VariantFigures
from app.observability.work import ObservedWork
from models.domain.recommendation import Fallback, Recommendation
from models.domain.stages import StageName

Failure = Literal[
    "body_too_large",
    "client_gone",
    "cut_off",
    "deadline",
    "head_too_large",
    "index_unavailable",
    "not_http",
    "not_ready",
    "not_yet_served",
    "overloaded",
    "slow_body",
    "slow_head",
    "store_unavailable",
    "unexpected",
]
"""Why a request was not answered as it was asked, and its content was not to blame."""
AbandonedWork = Literal["never_started", "stopped", "finished"]
"""What became of work whose caller gave up: `stopped` between two stages, `finished` for nothing."""
SwapResult = Literal["swapped", "refused", "failed"]
"""`refused`: the new index did not pass its checks; `failed`: building it raised an error."""

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER_METHOD: Final = "_OTHER"
REQUEST_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
STAGE_SECONDS: Final = (
    0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0,
)  # fmt: skip
BATCH_SIZES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """Every instrument, in a registry of its own."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each counter, of no use here
        self.registry = CollectorRegistry()
        """Others may register collectors of their own here."""
        self.num_requests = 0
        """Requests that have ended."""
        self.num_cut_off = 0
        """Of those, how many got no whole answer."""
        ProcessCollector(registry=self.registry)
        self._live = LiveFigures()
        self.registry.register(self._live)
        self._variants = VariantFigures(self._num_items)
        self.registry.register(self._variants)
        self._request_seconds = LoopHistogram(
            self.registry,
            "http_server_request_duration_seconds",
            "From a request's head to the end of its answer.",
            labels=("http_request_method", "http_route", "http_response_status_code"),
            bounds=REQUEST_SECONDS,
        )
        self._stage_seconds = LoopHistogram(
            self.registry,
            "figment_stage_duration_seconds",
            "One stage of one call of the model.",
            labels=("stage",),
            bounds=STAGE_SECONDS,
        )
        self._batch_size = LoopHistogram(
            self.registry, "figment_batch_size", "Requests that one call of the model answers.", bounds=BATCH_SIZES
        )
        self._under_filled = self._counter("figment_under_filled_total", "Lists shorter than was asked for.")
        self._while_draining = self._counter(
            "figment_requests_while_draining_total", "Requests that ended after the process was told to stop."
        )
        swaps = self._counter("figment_index_swaps_total", "Times that a new index was to answer.", "result")
        answers = self._counter("figment_recommendations_total", "Lists that were answered.", "fallback")
        failures = self._counter(
            "figment_request_failures_total",
            "Requests not answered as asked, for a reason beside their content.",
            "reason",
        )
        abandoned = self._counter(
            "figment_abandoned_work_total", "Work whose caller gave up, and what became of it.", "outcome"
        )
        # made now, so that the first of its kind is a step from 0 to 1, which a rate can see
        self._answers = {fallback: answers.labels(fallback) for fallback in get_args(Fallback)}
        self._failures = {reason: failures.labels(reason) for reason in get_args(Failure)}
        self._swaps = {result: swaps.labels(result) for result in get_args(SwapResult)}
        self._abandoned = {outcome: abandoned.labels(outcome) for outcome in get_args(AbandonedWork)}

    def watch_queue(self, depth: Callable[[], int]) -> None:
        """From now on each scrape asks how many pieces of work wait for a thread."""
        self._live.queue_depth = depth

    def watch_index(self, state: Callable[[], IndexState | None]) -> None:
        """From now on each scrape asks what answers; None while nothing does. Asked in any thread."""
        self._live.index = state

    def drain_began(self) -> None:
        """The process was told to stop; may be called in a signal handler."""
        self._live.is_draining = True

    def request_ended(self, method: str, route: str, status: int, seconds: float) -> None:
        """`method` is one of METHODS or OTHER_METHOD, `route` a template; `status` 0: no answer was begun."""
        self.num_requests += 1
        self._request_seconds.observe(seconds, (method, route, str(status)))
        if not status:
            self.request_failed("cut_off")
        if self._live.is_draining:
            self._while_draining.inc()

    def request_failed(self, reason: Failure) -> None:
        """Call it in any thread but for `cut_off`, which is the event loop's."""
        self._failures[reason].inc()
        if reason == "cut_off":
            self.num_cut_off += 1

    def call_answered(self, num_requests: int) -> None:
        """One call of the model answered so many."""
        self._batch_size.observe(num_requests)

    def lists_answered(self, answers: Sequence[Recommendation], variant: Variant = NO_EXPERIMENT) -> None:
        """These lists go out."""
        for answer in answers:
            self._answers[answer.fallback].inc()
            if answer.under_filled:
                self._under_filled.inc()
        self._variants.listed(variant, ([item.item_row for item in answer.items] for answer in answers))

    def outcome_counted(
        self,
        event_type: str,
        variant: Variant = NO_EXPERIMENT,
        *,
        events: int = 1,
        revenue: float = 0.0,
        currency: str | None = None,
    ) -> None:
        """New events were put down to lists of a variant; call it when they are stored, so that each counts once."""
        self._variants.outcome(variant, event_type, events, revenue, currency)

    def outcome_unattributed(self, event_type: str, events: int = 1) -> None:
        """New events name a list that they cannot be put down to."""
        self._variants.unattributed(event_type, events)

    def work_ended(self, work: ObservedWork) -> None:
        """The stages that work went through; several laps of one stage count as one."""
        seconds: dict[StageName, float] = {}
        for name, started, ended in work.laps:
            seconds[name] = seconds.get(name, 0.0) + ended - started
        for stage, total in seconds.items():
            self._stage_seconds.observe(total, (stage,))
        self.wishes_seen(work)

    def wishes_seen(self, work: ObservedWork) -> None:
        """Of what the work generated, only how far apart it is. In any thread."""
        if work.seen_wishes is not None:
            self._live.spread.add(work.seen_wishes)

    def work_abandoned(self, outcome: AbandonedWork) -> None:
        """Its caller has given up, and this is what became of the work."""
        self._abandoned[outcome].inc()

    def index_swapped(self, result: SwapResult) -> None:
        """A new index was to answer. In any thread."""
        self._swaps[result].inc()

    def probe_recall_measured(self, ratio: float) -> None:
        """Share of the true nearest items that the index in use finds, 0 to 1. In any thread."""
        self._live.probe_recall = ratio

    def index_replaced(self) -> None:
        """Rows mean other items from now on (another bundle), so what was listed before no longer counts."""
        self._variants.forget_listed()

    def _num_items(self) -> int | None:
        index = self._live.index() if self._live.index else None
        return index.num_items if index else None

    def _counter(self, name: str, documentation: str, *labels: str) -> Counter:
        return Counter(name, documentation, labels, registry=self.registry)
