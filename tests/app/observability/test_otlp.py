import pytest
from structlog.testing import capture_logs

from app.observability.otlp import ENDPOINTS, PROTOCOLS, open_tracing
from models.domain.errors import SettingsRefused

ENDPOINT = "http://127.0.0.1:9"
"""Nobody listens there; nothing is sent before something is traced."""


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    for name in (*ENDPOINTS, *PROTOCOLS, "OTEL_TRACES_EXPORTER", "OTEL_SDK_DISABLED"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def opened(monkeypatch):
    """Opens tracing with these variables, closes it at the end, and tells what was warned of."""
    tracings = []

    def open_with(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        with capture_logs() as lines:
            tracing = open_tracing()
        tracings.append(tracing)
        return tracing is not None, [line["event"] for line in lines]

    yield open_with
    for tracing in tracings:
        if tracing:
            tracing.close()


class TestOpenTracing:
    def test_without_a_word_in_the_environment_nothing_is_traced(self, opened):
        assert opened() == (False, [])

    @pytest.mark.parametrize("name", ENDPOINTS)
    def test_an_endpoint_asks_for_traces(self, opened, name):
        assert opened(**{name: ENDPOINT}) == (True, [])

    def test_so_does_the_exporter(self, opened):
        assert opened(OTEL_TRACES_EXPORTER="otlp") == (True, [])

    @pytest.mark.parametrize("off", [{"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_EXPORTER": "none"}])
    def test_what_switches_it_off_goes_before(self, opened, off):
        assert opened(OTEL_EXPORTER_OTLP_ENDPOINT=ENDPOINT, **off) == (False, [])

    @pytest.mark.parametrize("asked", [{"OTEL_TRACES_EXPORTER": "zipkin"}, {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}])
    def test_what_cannot_be_had_is_told(self, opened, asked):
        is_open, (warning,) = opened(OTEL_EXPORTER_OTLP_ENDPOINT=ENDPOINT, **asked)
        assert not is_open
        assert warning.startswith("no traces are sent")

    def test_variables_that_make_no_sense_stop_the_start(self, monkeypatch):
        monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otlp")
        monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "100000")
        with pytest.raises(SettingsRefused, match="OTEL_"):
            open_tracing()
