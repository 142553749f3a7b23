"""Sends traces to a collector by OTLP where the standard OTEL_* variables ask for it; else nothing is imported."""

import os
import threading
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from app.observability.logs import get_log
from app.observability.traces import Tracing
from models.domain.errors import SettingsRefused

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
PROTOCOL: Final = "http/protobuf"
CLOSE_SECONDS: Final = 3.0
"""At the end, how long an unreachable collector may keep the process."""

log = get_log(__name__)


def open_tracing() -> Tracing | None:
    """Tracing as the environment asks for it; None where it does not, or where that cannot be had, with a warning.

    Raises SettingsRefused for OTEL_* variables that contradict each other.
    """
    if not _is_wanted():
        return None
    protocol = _first_set(PROTOCOLS) or PROTOCOL
    if protocol != PROTOCOL:
        log.warning("no traces are sent: only one OTLP protocol is spoken here", asked=protocol, spoken=PROTOCOL)
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        log.warning('no traces are sent: pip install "figment[otel]"', missing=error.name)
        return None
    own = Resource({"service.name": "figment", "service.version": version("figment")})
    try:
        provider = TracerProvider(resource=own.merge(OTELResourceDetector().detect()), shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    except ValueError as error:
        raise SettingsRefused(f"OTEL_* variables: {error}") from error
    return Tracing(provider, close=lambda: _close(provider))


def _is_wanted() -> bool:
    exporter = os.environ.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true" or exporter == "none":
        return False
    if exporter not in ("", "otlp"):
        log.warning("no traces are sent: the only exporter here is otlp", asked=exporter)
        return False
    return exporter == "otlp" or _first_set(ENDPOINTS) is not None


def _first_set(variables: tuple[str, ...]) -> str | None:
    return next((value for name in variables if (value := os.environ.get(name, "").strip())), None)


def _close(provider: "TracerProvider") -> None:
    closing = threading.Thread(target=provider.shutdown, daemon=True)  # it would wait for half a minute
    closing.start()
    closing.join(CLOSE_SECONDS)
