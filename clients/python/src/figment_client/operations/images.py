"""Pictures of products that do not exist."""

from figment_client.images import Images
from figment_client.operation import Operation
from figment_client.operations.lists import DEADLINE


def make_images(
    *,
    category: str | None = None,
    colour: str | None = None,
    item_id: str | None = None,
    query: str | None = None,
    concept_id: str | None = None,
    n: int | None = None,
    size: int | None = None,
    seed: int | None = None,
    deadline_ms: int | None = None,
) -> Operation[Images]:
    """Pictures of a category, in a colour, like a product, by words, or of a concept; more than 16 are a job."""
    body = {
        "category": category,
        "colour": colour,
        "item_id": item_id,
        "query": query,
        "concept_id": concept_id,
        "n": n,
        "size": size,
        "seed": seed,
    }
    return Operation("POST", "/v1/images", headers={DEADLINE: deadline_ms}, body=body)


def images_of_job(job_id: str) -> Operation[Images]:
    """What a job made, once it is done."""
    return Operation("GET", "/v1/images/{job_id}", {"job_id": job_id})
