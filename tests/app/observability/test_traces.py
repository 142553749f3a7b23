import time

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from app.observability.traces import MAX_STAGE_SPANS, Tracing

TRACE_ID, PARENT_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
HEADERS = {"traceparent": f"00-{TRACE_ID}-{PARENT_ID}-01"}


@pytest.fixture
def exporter():
    return InMemorySpanExporter()


@pytest.fixture
def tracing(exporter):
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return Tracing(provider)


def end(span, status=200):
    span.end(name="recommend", method="POST", route="/v1/recommendations", status=status, request_id="r1")


class TestRequestSpan:
    def test_stands_below_the_span_that_the_caller_names(self, tracing, exporter):
        end(tracing.begin(HEADERS, time.perf_counter()))
        (span,) = exporter.get_finished_spans()
        assert (span.name, span.kind) == ("recommend", SpanKind.SERVER)
        assert f"{span.context.trace_id:032x}" == TRACE_ID
        assert f"{span.parent.span_id:016x}" == PARENT_ID
        assert span.attributes == {
            "http.request.method": "POST",
            "http.route": "/v1/recommendations",
            "http.response.status_code": 200,
            "figment.request_id": "r1",
        }

    def test_begins_a_trace_where_none_is_named(self, tracing, exporter):
        end(tracing.begin({}, time.perf_counter()))
        assert exporter.get_finished_spans()[0].parent is None

    def test_a_caller_who_does_not_sample_is_not_traced(self, tracing):
        assert tracing.begin({"traceparent": f"00-{TRACE_ID}-{PARENT_ID}-00"}, time.perf_counter()) is None

    def test_stages_stand_below_it_at_their_times(self, tracing, exporter):
        started = time.perf_counter()
        span = tracing.begin({}, started)
        span.add_stages([("search", started + 1, started + 1.5), ("judge", started + 2, started + 2.25)])
        end(span)
        search, judge, request = exporter.get_finished_spans()
        assert [search.name, judge.name] == ["search", "judge"]
        assert search.parent.span_id == judge.parent.span_id == request.context.span_id
        assert search.start_time - request.start_time == pytest.approx(1e9, abs=1e6)
        assert judge.end_time - judge.start_time == pytest.approx(0.25e9, abs=1e6)

    def test_stages_beyond_the_most_are_counted(self, tracing, exporter):
        span = tracing.begin({}, 0.0)
        for num in (MAX_STAGE_SPANS - 1, 6, 2):
            span.add_stages([("search", 0.0, 1.0)] * num)
        end(span)
        *stages, request = exporter.get_finished_spans()
        assert len(stages) == MAX_STAGE_SPANS
        assert request.attributes["figment.stages_left_out"] == 7

    @pytest.mark.parametrize(("status", "is_error"), [(0, True), (503, True), (422, False), (200, False)])
    def test_is_an_error_where_the_caller_is_not_to_blame(self, tracing, exporter, status, is_error):
        end(tracing.begin({}, 0.0), status)
        assert (exporter.get_finished_spans()[0].status.status_code == StatusCode.ERROR) == is_error
