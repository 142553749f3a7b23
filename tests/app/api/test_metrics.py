import re

import pytest
from fastapi.testclient import TestClient
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client.parser import text_string_to_metric_families

from app.main import create_app
from app.observability.traces import Tracing
from models.domain.stages import timed
from tests.app.conftest import wait_until_loaded

PROMISED = {
    "http_server_request_duration_seconds",
    "figment_stage_duration_seconds",
    "figment_recommendations_total",
    "figment_under_filled_total",
    "figment_queue_depth",
    "figment_batch_size",
    "figment_index_items",
    "figment_index_age_seconds",
    "figment_index_swaps_total",
    "figment_catalogue_coverage_ratio",
    "figment_exposure_gini",
    "figment_generator_spread",
    "figment_probe_recall_ratio",
    "figment_model_info",
}
"""Names that dashboards and alerts rely on."""
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def staged(model):
    """The scripted model, telling two stages."""
    answer = model.recommend

    def recommend(requests):
        with timed("search"):
            pass
        with timed("judge"):
            return answer(requests)

    model.recommend = recommend
    return model


@pytest.fixture
def exporter():
    return InMemorySpanExporter()


@pytest.fixture
def traced_client(live, open_store, exporter):
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    app = create_app(live, open_store, on_load_failure=lambda _: None, tracing=Tracing(provider))
    with TestClient(app, base_url="http://localhost") as client:
        wait_until_loaded(client)
        yield client


def samples(client):
    families = text_string_to_metric_families(client.get("/metrics").text)
    return [sample for family in families for sample in family.samples]


def value(client, name, **labels):
    found = [sample.value for sample in samples(client) if sample.name == name and sample.labels == labels]
    assert len(found) <= 1
    return found[0] if found else None


def ask(client, **body):
    return client.post("/v1/recommendations", json={"history": [{"item_id": "item-1"}], **body})


class TestMetrics:
    def test_hold_every_promised_name(self, client, staged):
        ask(client)
        names = {re.sub("_(bucket|count|sum)$", "", sample.name) for sample in samples(client)}
        assert PROMISED - names == {"figment_generator_spread"}

    def test_come_as_text_and_as_openmetrics_where_that_is_accepted(self, client):
        assert client.get("/metrics").headers["content-type"].startswith("text/plain")
        accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
        answer = client.get("/metrics", headers=accept)
        assert answer.headers["content-type"].startswith("application/openmetrics-text")
        assert answer.text.endswith("# EOF\n")

    def test_say_while_loading_that_nothing_answers(self, live, model, open_store):
        model.gate.clear()
        with TestClient(
            create_app(live, open_store, on_load_failure=lambda _: None), base_url="http://localhost"
        ) as client:
            assert value(client, "figment_index_items") is None
            assert value(client, "figment_queue_depth") == 0
            model.gate.set()
            wait_until_loaded(client)
            assert value(client, "figment_index_items") == 30

    def test_count_lists_by_fallback(self, client):
        ask(client)
        ask(client, history=[])
        ask(client, k=40)
        assert value(client, "figment_recommendations_total", fallback="none") == 2
        assert value(client, "figment_recommendations_total", fallback="popularity") == 1
        assert value(client, "figment_under_filled_total") == 1
        assert value(client, "figment_catalogue_coverage_ratio", experiment="", variant="") == 1.0

    def test_count_a_page_that_holds_the_whole_list_as_filled(self, client):
        told = ask(client, k=None, page={"size": 29}).json()
        assert len(told["items"]) == 29
        assert not told["retrieval"]["under_filled"]
        assert value(client, "figment_under_filled_total") == 0
        ask(client, k=None, page={"size": 30})
        assert value(client, "figment_under_filled_total") == 1

    def test_time_stages_of_the_work(self, client, staged):
        ask(client)
        assert value(client, "figment_stage_duration_seconds_count", stage="search") == 1
        assert value(client, "figment_stage_duration_seconds_count", stage="judge") == 1

    def test_labels_are_routes_and_never_what_callers_chose(self, client):
        client.get("/v1/shoppers/raw-user-id?query=secret-query")
        client.request("RAW-METHOD", "/v1/model")
        ask(client, user={"user_id": "raw-user-id"}, history=[{"item_id": "secret-item"}])
        told = client.get("/metrics").text
        assert not re.search("raw-user-id|secret|RAW-METHOD|item-", told)
        labels = [
            sample.labels for sample in samples(client) if sample.name == "http_server_request_duration_seconds_sum"
        ]
        assert {label["http_route"] for label in labels} <= {
            "(no route)", "/health/startup", "/metrics", "/v1/model", "/v1/recommendations",
        }  # fmt: skip
        assert "_OTHER" in {label["http_request_method"] for label in labels}

    @pytest.mark.parametrize(
        ("headers", "content", "reason"),
        [
            ({"X-Request-Timeout-Ms": "1"}, b'{"history": []}', "deadline"),
            ({}, b" " * 300_000, "body_too_large"),
        ],
    )
    def test_failures_that_are_not_about_content_have_a_reason(self, client, model, headers, content, reason):
        model.gate.clear()
        headers = {"Content-Type": "application/json", **headers}
        client.post("/v1/recommendations", content=content, headers=headers)
        model.gate.set()
        assert value(client, "figment_request_failures_total", reason=reason) == 1

    def test_refused_content_is_no_failure(self, client):
        assert ask(client, k=0).status_code == 422
        assert sum(sample.value for sample in samples(client) if sample.name == "figment_request_failures_total") == 0

    def test_unexpected_errors_are_failures(self, client, model):
        model.recommend = None
        assert ask(client).status_code == 500
        assert value(client, "figment_request_failures_total", reason="unexpected") == 1


class TestTraces:
    def test_stages_stand_below_the_route_below_the_caller(self, traced_client, staged, exporter):
        exporter.clear()
        answer = traced_client.post(
            "/v1/recommendations", json={"history": []}, headers={"traceparent": TRACEPARENT, "X-Request-Id": "r1"}
        )
        assert answer.headers["traceparent"] == TRACEPARENT
        search, judge, request = exporter.get_finished_spans()
        assert [search.name, judge.name, request.name] == ["search", "judge", "recommend"]
        assert search.parent.span_id == judge.parent.span_id == request.context.span_id
        assert f"{request.parent.span_id:016x}" == "b7ad6b7169203331"
        assert request.attributes["figment.request_id"] == "r1"

    def test_hold_nothing_that_a_shopper_is_known_by(self, traced_client, exporter):
        ask(traced_client, user={"user_id": "raw-user-id"}, history=[{"item_id": "secret-item"}])
        traced_client.get("/v1/shoppers/raw-user-id?query=secret-query")
        told = "".join(span.to_json() for span in exporter.get_finished_spans())
        assert "recommend" in told
        assert not re.search("raw-user-id|secret", told)

    def test_probes_and_scrapes_are_not_traced(self, traced_client, exporter):
        exporter.clear()
        traced_client.get("/health/live")
        traced_client.get("/metrics")
        assert exporter.get_finished_spans() == ()

    def test_requests_of_untraced_callers_are_not_either(self, traced_client, exporter):
        exporter.clear()
        headers = {"traceparent": TRACEPARENT.removesuffix("01") + "00"}
        assert traced_client.get("/v1/model", headers=headers).status_code == 200
        assert exporter.get_finished_spans() == ()
