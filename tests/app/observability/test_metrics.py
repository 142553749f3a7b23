from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from app.observability.live_figures import IndexState
from app.observability.metrics import Metrics
from app.observability.variants import MAX_CURRENCIES, MAX_VARIANTS, NO_EXPERIMENT
from app.observability.work import ObservedWork
from models.domain.recommendation import Recommendation, RecommendedItem
from models.domain.stages import tell_wishes, timed


def answer(rows, *, fallback="none", under_filled=False):
    items = [RecommendedItem(f"item-{row}", row, 0.5) for row in rows]
    return Recommendation(items, fallback, (), "ann", 9, under_filled, {})


def index(num_items=10, **changes):
    state = {"model_version": "m1", "index_version": "m1+7", "serves": "figment", "built_at": datetime.now(UTC)}
    return IndexState(num_items=num_items, **{**state, **changes})


@pytest.fixture
def metrics():
    return Metrics()


def told(metrics):
    """(name, labels) → value."""
    families = text_string_to_metric_families(generate_latest(metrics.registry).decode())
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def value(metrics, name, **labels):
    return told(metrics).get((name, tuple(sorted(labels.items()))))


class TestRequests:
    def test_are_timed_by_method_route_and_status(self, metrics):
        metrics.request_ended("POST", "/v1/recommendations", 200, 0.02)
        labels = {
            "http_request_method": "POST",
            "http_route": "/v1/recommendations",
            "http_response_status_code": "200",
        }
        name = "http_server_request_duration_seconds"
        assert value(metrics, f"{name}_sum", **labels) == 0.02
        assert value(metrics, f"{name}_bucket", le="0.01", **labels) == 0
        assert value(metrics, f"{name}_bucket", le="0.025", **labels) == 1

    def test_without_an_answer_were_cut_off(self, metrics):
        metrics.request_ended("GET", "/v1/model", 0, 0.1)
        assert value(metrics, "figment_request_failures_total", reason="cut_off") == 1
        assert (metrics.num_requests, metrics.num_cut_off) == (1, 1)

    def test_while_draining_are_counted_apart(self, metrics):
        metrics.request_ended("GET", "/v1/model", 200, 0.1)
        metrics.drain_began()
        metrics.request_ended("GET", "/v1/model", 200, 0.1)
        assert value(metrics, "figment_requests_while_draining_total") == 1
        assert value(metrics, "figment_draining") == 1


class TestLists:
    def test_are_counted_by_fallback(self, metrics):
        metrics.lists_answered([answer([1]), answer([2], fallback="popularity", under_filled=True)])
        assert value(metrics, "figment_recommendations_total", fallback="none") == 1
        assert value(metrics, "figment_recommendations_total", fallback="popularity") == 1
        assert value(metrics, "figment_under_filled_total") == 1

    def test_calls_tell_how_many_they_answered(self, metrics):
        metrics.call_answered(2)
        assert value(metrics, "figment_batch_size_sum") == 2
        assert value(metrics, "figment_batch_size_count") == 1

    def test_show_a_share_of_the_catalogue(self, metrics):
        metrics.watch_index(index)
        metrics.lists_answered([answer([0, 1, 2]), answer([0, 1])])
        labels = {"experiment": "", "variant": ""}
        assert value(metrics, "figment_catalogue_coverage_ratio", **labels) == 0.3
        assert 0 < value(metrics, "figment_exposure_gini", **labels) < 1

    def test_of_another_bundle_are_not_mixed_in(self, metrics):
        metrics.watch_index(index)
        metrics.lists_answered([answer([0, 1, 2])])
        metrics.index_replaced()
        metrics.lists_answered([answer([5])])
        assert value(metrics, "figment_catalogue_coverage_ratio", experiment="", variant="") == 0.1


class TestVariants:
    def test_have_lists_and_exposure_of_their_own(self, metrics):
        metrics.watch_index(index)
        metrics.lists_answered([answer([0, 1])], ("e", "a"))
        metrics.lists_answered([answer([0]), answer([0])], ("e", "b"))
        assert value(metrics, "figment_variant_lists_total", experiment="e", variant="a") == 1
        assert value(metrics, "figment_variant_lists_total", experiment="e", variant="b") == 2
        assert value(metrics, "figment_catalogue_coverage_ratio", experiment="e", variant="a") == 0.2
        assert value(metrics, "figment_catalogue_coverage_ratio", experiment="e", variant="b") == 0.1

    def test_have_outcomes_of_their_own(self, metrics):
        metrics.outcome_counted("click", ("e", "a"), events=3)
        metrics.outcome_counted("purchase", ("e", "b"), revenue=9.5, currency="EUR")
        metrics.outcome_counted("purchase", ("e", "b"), revenue=0.5, currency="EUR")
        metrics.outcome_counted("purchase", revenue=7.0)
        labels = {"experiment": "e", "variant": "b"}
        assert value(metrics, "figment_outcome_events_total", experiment="e", variant="a", event_type="click") == 3
        assert value(metrics, "figment_outcome_events_total", event_type="purchase", **labels) == 2
        assert value(metrics, "figment_outcome_revenue_total", currency="EUR", **labels) == 10
        assert value(metrics, "figment_outcome_revenue_total", currency="", experiment="", variant="") == 7

    def test_events_without_their_list_are_counted_apart(self, metrics):
        metrics.outcome_unattributed("click", 2)
        assert value(metrics, "figment_unattributed_events_total", event_type="click") == 2
        assert value(metrics, "figment_outcome_events_total", experiment="", variant="", event_type="click") is None

    def test_are_bounded_whatever_callers_make_up(self, metrics):
        metrics.watch_index(index)
        for number in range(MAX_VARIANTS + 30):
            metrics.lists_answered([answer([0])], ("e", f"v{number}"))
            metrics.outcome_counted("purchase", ("e", f"v{number}"), revenue=1.0)
        metrics.lists_answered([answer([0])], NO_EXPERIMENT)
        lists = {
            labels: sum_ for (name, labels), sum_ in told(metrics).items() if name == "figment_variant_lists_total"
        }
        assert len(lists) == MAX_VARIANTS + 2
        assert value(metrics, "figment_variant_lists_total", experiment="(others)", variant="(others)") == 30
        assert value(metrics, "figment_variant_lists_total", experiment="", variant="") == 1

    def test_so_are_currencies(self, metrics):
        for number in range(MAX_CURRENCIES + 5):
            metrics.outcome_counted("purchase", revenue=1.0, currency=f"C{number}")
        revenues = [name for name, _ in told(metrics) if name == "figment_outcome_revenue_total"]
        assert len(revenues) == MAX_CURRENCIES


class TestWork:
    def test_laps_of_one_stage_count_as_one(self, metrics):
        work = ObservedWork()
        work.laps = [("search", 1.0, 1.25), ("fuse", 1.25, 1.5), ("search", 2.0, 2.5)]
        metrics.work_ended(work)
        name = "figment_stage_duration_seconds"
        assert value(metrics, f"{name}_count", stage="search") == 1
        assert value(metrics, f"{name}_sum", stage="search") == 0.75
        assert value(metrics, f"{name}_sum", stage="fuse") == 0.25

    def test_wishes_of_one_request_spread(self, metrics):
        work = ObservedWork()

        def generate():
            with timed("generate"):
                tell_wishes(np.eye(2, dtype=np.float32))

        work.run(generate)
        metrics.work_ended(work)
        assert value(metrics, "figment_generator_spread") == pytest.approx(1.0)


class TestIndex:
    def test_is_told_by_what_answers_now(self, metrics):
        metrics.watch_index(lambda: index(built_at=datetime.now(UTC) - timedelta(seconds=60)))
        info = {"model_version": "m1", "index_version": "m1+7", "recommender": "figment"}
        assert value(metrics, "figment_model_info", **info) == 1
        assert value(metrics, "figment_index_items") == 10
        assert 60 <= value(metrics, "figment_index_age_seconds") < 120

    def test_before_anything_answers_there_is_nothing_to_tell(self, metrics):
        metrics.watch_index(lambda: None)
        names = {name for name, _ in told(metrics)}
        assert not names & {"figment_model_info", "figment_index_items", "figment_probe_recall_ratio"}

    def test_swaps_are_counted_by_result_from_nothing(self, metrics):
        metrics.index_swapped("swapped")
        metrics.probe_recall_measured(0.995)
        assert value(metrics, "figment_index_swaps_total", result="swapped") == 1
        assert value(metrics, "figment_index_swaps_total", result="refused") == 0
        assert value(metrics, "figment_probe_recall_ratio") == 0.995
