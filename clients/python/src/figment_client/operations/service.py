"""The service itself: what serves, long work, health."""

from figment_client.answers import Healthy, Job
from figment_client.model_facts import Activated, Model, Models
from figment_client.operation import Operation


def model() -> Operation[Model]:
    """What serves, how it was measured, and what came of its lists."""
    return Operation("GET", "/v1/model")


def models() -> Operation[Models]:
    """What could serve."""
    return Operation("GET", "/v1/models")


def activate_model(version: str) -> Operation[Activated]:
    """Lets another model take over, between two requests."""
    return Operation("POST", "/v1/models/{version}:activate", {"version": version})


def job(job_id: str) -> Operation[Job]:
    """State and progress of long work."""
    return Operation("GET", "/v1/jobs/{job_id}", {"job_id": job_id})


def health_live() -> Operation[Healthy]:
    """The process answers."""
    return Operation("GET", "/health/live")


def health_ready() -> Operation[Healthy]:
    """New requests are welcome; else Unavailable."""
    return Operation("GET", "/health/ready")


def health_startup() -> Operation[Healthy]:
    """Loading has finished; else Unavailable."""
    return Operation("GET", "/health/startup")


def metrics() -> Operation[str]:
    """What Prometheus scrapes."""
    return Operation("GET", "/metrics")
