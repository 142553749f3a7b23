"""What an operator sees of the real process: metrics by scrape, traces by OTLP, the log."""

import re
import signal

import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.app.api.test_metrics import PROMISED
from tests.service.otlp_collector import collecting
from tests.service.process import serving

TEA = [{"item_id": "tea-1"}, {"item_id": "tea-2"}, {"item_id": "tea-3"}]
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE_ID}-b7ad6b7169203331-01"
VARIABLES = {"OTEL_BSP_SCHEDULE_DELAY": "100", "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test"}


@pytest.fixture(scope="module")
def collector():
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
def service(tiny_bundle, tmp_path_factory, collector):
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {**VARIABLES, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint}.items():
            environment.setenv(name, value)
        with serving(tmp_path_factory.mktemp("observed"), bundle=tiny_bundle, recommender="figment") as service:
            service.wait_until_ready()
            yield service


def samples(service):
    families = text_string_to_metric_families(service.client.get("/metrics").text)
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


class TestMetrics:
    def test_hold_every_promised_name_after_one_list(self, service):
        assert service.ask(history=TEA).status_code == 200
        told = samples(service)
        assert {re.sub("_(bucket|count|sum)$", "", name) for name, *_ in told} >= PROMISED
        assert told["figment_index_items",] == 40
        assert told["figment_probe_recall_ratio",] == 1.0
        assert 0 <= told["figment_generator_spread",] <= 2
        assert told["figment_index_swaps_total", "swapped"] == 0

    def test_every_stage_of_a_list_is_timed(self, service):
        service.ask(history=TEA)
        told = samples(service)
        for stage in ("encode", "generate", "search", "fuse", "judge", "filter", "rerank"):
            assert told["figment_stage_duration_seconds_count", stage] >= 1, stage

    def test_a_refusal_before_a_request_is_counted(self, service):
        before = samples(service)["figment_request_failures_total", "head_too_large"]
        assert service.client.get("/health/live", headers={"X-Long": "x" * 70_000}).status_code == 431
        assert samples(service)["figment_request_failures_total", "head_too_large"] == before + 1


class TestTraces:
    def test_hold_the_stages_of_a_list_in_their_order(self, service, collector):
        headers = {"traceparent": TRACEPARENT}
        answer = service.client.post("/v1/recommendations", json={"history": TEA}, headers=headers)
        assert answer.headers["traceparent"] == TRACEPARENT
        request = collector.wait_for("recommend", TRACE_ID)
        assert request.parent_span_id.hex() == "b7ad6b7169203331"
        stages = [span for span in collector.spans if span.parent_span_id == request.span_id]
        stages.sort(key=lambda span: span.start_time_unix_nano)
        names = list(dict.fromkeys(span.name for span in stages))
        assert [name for name in names if name not in ("encode", "filter")] == [
            "generate", "search", "fuse", "judge", "rerank",
        ]  # fmt: skip
        assert "filter" in names
        for span in stages:
            assert request.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano
            assert span.end_time_unix_nano <= request.end_time_unix_nano

    def test_name_the_service_and_nobody_else(self, service, collector):
        body = {"user": {"user_id": "raw-user-id"}, "history": [*TEA, {"item_id": "secret-item"}]}
        other_trace = TRACE_ID[::-1]
        headers = {"traceparent": TRACEPARENT.replace(TRACE_ID, other_trace)}
        assert service.client.post("/v1/recommendations", json=body, headers=headers).status_code == 200
        collector.wait_for("recommend", other_trace)
        told = "".join(map(str, collector.requests))
        assert "deployment.environment.name" in told
        assert '"figment"' in told
        assert not re.search("raw-user-id|secret-item|tea-", told)


class TestEnd:
    def test_a_collector_that_is_away_neither_disturbs_nor_delays_the_end(self, tiny_bundle, tmp_path, monkeypatch):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
        with serving(tmp_path, bundle=tiny_bundle, drain_notice_seconds=0) as service:
            service.wait_until_ready()
            assert service.ask(user={"user_id": "raw-user-id"}, history=TEA).status_code == 200
            service.process.send_signal(signal.SIGTERM)
            assert service.process.wait(timeout=30) == 0
            lines = [orjson.loads(line) for line in service.log.read_text().splitlines()]
        (drained,) = [line for line in lines if line["event"] == "drained"]
        assert drained["cut_off"] == 0
        assert "raw-user-id" not in str(lines)
