"""Products, shoppers and items that do not exist."""

from figment_client.imagined import Concepts, Segment, SyntheticItems, SyntheticSessions
from figment_client.operation import Operation
from figment_client.operations.lists import DEADLINE


def concepts(
    *,
    segment: Segment | None = None,
    n: int | None = None,
    novelty: float | None = None,
    seed: int | None = None,
    deadline_ms: int | None = None,
) -> Operation[Concepts]:
    """Ideas for products that the shop does not have; of all stored shoppers without a `segment`."""
    body = {"segment": segment, "n": n, "novelty": novelty, "seed": seed}
    return Operation("POST", "/v1/concepts", headers={DEADLINE: deadline_ms}, body=body)


def synthetic_sessions(
    *, num_sessions: int, segment: Segment | None = None, seed: int | None = None, deadline_ms: int | None = None
) -> Operation[SyntheticSessions]:
    """Sessions of shoppers who do not exist; more than 1,000 are a job."""
    body = {"num_sessions": num_sessions, "segment": segment, "seed": seed}
    return Operation("POST", "/v1/synthetic-sessions", headers={DEADLINE: deadline_ms}, body=body)


def synthetic_items(
    *, num_items: int, segment: Segment | None = None, seed: int | None = None, deadline_ms: int | None = None
) -> Operation[SyntheticItems]:
    """Catalogue rows of items that do not exist; more than 1,000 are a job."""
    body = {"num_items": num_items, "segment": segment, "seed": seed}
    return Operation("POST", "/v1/synthetic-items", headers={DEADLINE: deadline_ms}, body=body)


def sessions_of_job(job_id: str) -> Operation[SyntheticSessions]:
    """What a job made, once it is done."""
    return Operation("GET", "/v1/synthetic-sessions/{job_id}", {"job_id": job_id})


def items_of_job(job_id: str) -> Operation[SyntheticItems]:
    """What a job made, once it is done."""
    return Operation("GET", "/v1/synthetic-items/{job_id}", {"job_id": job_id})
