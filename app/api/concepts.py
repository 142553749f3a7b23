"""`POST /v1/concepts`: ideas for products that the shop does not have."""

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Depends
from pydantic import Field

from app.api import MAX_LARGE_BODY_BYTES
from app.api.asked import drawn_seed
from app.api.auth import needs
from app.api.body import json_body, request_body
from app.api.dependencies import TIMEOUT_PARAMETER, DeadlineDep, ImaginingDep, SlowWorkersDep, StoreDep, room_for_slow
from app.api.list_request import MAX_SEED
from app.api.parts import AnswerPart, RequestPart
from app.api.problem import Problem
from app.api.segments import ProvenancePart, SegmentBody
from app.runtime.imagining import shoppers_of
from app.runtime.workers import within
from app.store.concepts import KeptConcept
from app.store.store import Store
from models.concepts.imagine import DEFAULT_NOVELTY, MAX_CONCEPTS, Imagined, imagine
from models.concepts.table import as_documents
from models.domain.errors import StoreUnavailable
from models.domain.events import HistoryEvent

DEFAULT_NUM: Final = 10

router = APIRouter(prefix="/v1", tags=["imagining"], dependencies=[needs("studio")])


class ConceptsBody(RequestPart):
    """For whom, how many and how bold."""

    segment: SegmentBody | None = None
    """Unset: every shopper whose events are stored."""
    n: int = Field(default=DEFAULT_NUM, ge=1, le=MAX_CONCEPTS)
    """Most concepts of the answer."""
    novelty: float = Field(default=DEFAULT_NOVELTY, ge=0, le=1)
    """How far wishes are moved away from what exists: 0 not at all."""
    seed: int | None = Field(default=None, ge=0, le=MAX_SEED)
    """Unset: drawn, and echoed in `provenance`."""


class NearProduct(AnswerPart):
    """A real product near a concept."""

    item_id: str
    distance: float
    """1 − cosine of their features by content: 0 the same, 1 nothing in common."""


class ConceptAnswer(AnswerPart):
    """A product that does not exist. What the catalogue does not have is null, not invented."""

    concept_id: str
    """`POST /v1/images` pictures it by this, for a week."""
    category: str | None
    category_probability: float | None
    """As the decoder finds it, which was trained on real products: the less, the less the name says."""
    brand: str | None
    brand_probability: float | None
    price_range: list[float] | None
    """Four in five prices of such products lie in it, as far as the decoder can tell."""
    words: list[str]
    """Likely here, and likelier than elsewhere; the first tells most."""
    nearest: list[NearProduct]
    gap: float
    """Distance to the nearest real product."""
    demand: float
    """Share of the segment's next choices that it would take, in shares of an average product, as the generator sees
    it. No sign of what is missing: with categories hidden, it told their products from made-up points no better than
    chance (AUC .500)."""
    realism: float
    """Share of real products that the critic finds less real for the shopper whose wish it was. No sign that such a
    product could be there: with categories hidden, realism × demand told their products from made-up points no better
    than chance (AUC .445)."""
    shoppers: float
    """Share of the segment's shoppers with a wish that led here."""


class ConceptsAnswer(AnswerPart):
    """The best by demand × gap first, no two alike; random points sent the same way found more of what was hidden, so
    the order only says what to read first. A description names the likeliest of what the shop has already; the
    model card says how often that is right of real products, which concepts are far from."""

    concepts: list[ConceptAnswer]
    num_shoppers: int
    """Drawn from the segment, 256 at most."""
    warnings: list[str]
    provenance: ProvenancePart


BodyDep = Annotated[ConceptsBody, Depends(json_body(ConceptsBody, max_bytes=MAX_LARGE_BODY_BYTES))]


@router.post(
    "/concepts",
    summary="Ideas for products that the shop does not have",
    responses={status: {"model": Problem} for status in (400, 408, 409, 413, 415, 422, 431, 500, 503, 504)},
    openapi_extra={"requestBody": request_body(ConceptsBody), "parameters": [TIMEOUT_PARAMETER]},
    dependencies=[Depends(room_for_slow)],
)
async def concepts(
    body: BodyDep, imagining: ImaginingDep, slow: SlowWorkersDep, store: StoreDep, deadline: DeadlineDep
) -> ConceptsAnswer:
    """Wishes of the segment's shoppers, moved into the gap between products, that the critic finds real.

    Of stored shoppers at least 20 are needed, of posted histories one with an item of the catalogue. 409 where the
    model that serves has no decoder.
    """
    workshop = imagining.workshop()
    seed = drawn_seed() if body.seed is None else body.seed

    async def read() -> Sequence[Sequence[HistoryEvent]]:
        async with within(deadline):
            reads_store = body.segment is None or body.segment.filter is not None
            return await imagining.stored_histories() if reads_store else ()

    def work(stored: Sequence[Sequence[HistoryEvent]]) -> Imagined:
        shoppers = shoppers_of(workshop, body.segment.document() if body.segment else None, stored)
        return imagine(workshop, shoppers, n=body.n, novelty=body.novelty, seed=seed)

    found = await slow.run_on(read, work, deadline=deadline)
    few = len(found.concepts) < body.n
    warnings = [f"{len(found.concepts)} of {body.n}: the segment's wishes hold no more that are unlike"] if few else []
    async with within(deadline):
        warnings += await _kept(store, found)
    return ConceptsAnswer.model_validate({**as_documents(workshop, found, seed), "warnings": warnings})


async def _kept(store: Store, found: Imagined) -> list[str]:
    """Warnings where the concepts could not be kept: they are told all the same."""
    told = {
        concept.concept_id: KeptConcept(concept.description.category, concept.description.words)
        for concept in found.concepts
    }
    try:
        await store.concepts.keep(told)
    except StoreUnavailable:
        return ["the database is away: these concepts cannot be pictured by their ids"]
    return []
