"""Concepts as a person reads them, and as a program does."""

from typing import Any

from models.concepts.imagine import Concept, Imagined
from models.synthesis.workshop import Workshop

NUM_TITLE_CHARACTERS = 60


def render_concepts(workshop: Workshop, found: Imagined) -> str:
    """A paragraph a concept, best first."""
    if not found.concepts:
        return "The segment's wishes hold no concept."
    catalogue = workshop.recommender.catalogue
    has_title = "title" in catalogue.property_names
    paragraphs = []
    for number, concept in enumerate(found.concepts, 1):
        told = concept.description
        prices = f" · {told.price_range[0]:g}–{told.price_range[1]:g}" if told.price_range else ""
        named = ((told.category, told.category_probability), (told.brand, told.brand_probability))
        head = " · ".join(f"{name} ({share:.0%})" for name, share in named if name and share is not None) + prices
        near = concept.nearest[0]
        title = catalogue.properties_of([catalogue.row_of[near.item_id]], ["title"])[0]["title"] if has_title else None
        product = f"{near.item_id} ({title[:NUM_TITLE_CHARACTERS]})" if title else near.item_id
        paragraphs.append(
            f"{number:2}. {head or '(nothing to describe it with)'}\n"
            f"    {', '.join(told.words)}\n"
            f"    demand {concept.demand:.2f} · gap {concept.gap:.2f} · realism {concept.realism:.2f}"
            f" · {concept.shoppers:.0%} of shoppers · nearest {product}"
        )
    return "\n".join(paragraphs)


def as_documents(workshop: Workshop, found: Imagined, seed: int) -> dict[str, Any]:
    """JSON, as `POST /v1/concepts` answers."""
    return {
        "concepts": [_document(concept) for concept in found.concepts],
        "num_shoppers": found.num_shoppers,
        "provenance": workshop.provenance(seed),
    }


def _document(concept: Concept) -> dict[str, Any]:
    told = concept.description
    return {
        "concept_id": concept.concept_id,
        "category": told.category,
        "category_probability": told.category_probability,
        "brand": told.brand,
        "brand_probability": told.brand_probability,
        "price_range": None if told.price_range is None else list(told.price_range),
        "words": list(told.words),
        "nearest": [{"item_id": each.item_id, "distance": each.distance} for each in concept.nearest],
        "gap": concept.gap,
        "demand": concept.demand,
        "realism": concept.realism,
        "shoppers": concept.shoppers,
    }
