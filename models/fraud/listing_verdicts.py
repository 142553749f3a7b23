"""Verdicts on listings, with the evidence for them."""

# C listings, E text embedding, K nearest

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl

from models.domain.errors import RuleRefused
from models.domain.stages import timed
from models.features.content import item_text
from models.features.spec import FeatureSpec
from models.fraud.detector import Decision, Judgement
from models.fraud.listings import CatalogueLore, FieldMismatch, ListingFigures, listing_figures
from models.recommend.recommender import Recommender

NEAREST_TOLD: Final = 3
LEAST_COMPARED: Final = 3
"""Other items that a listing needs to be judged by."""


@dataclass(frozen=True, slots=True)
class ListingVerdict:
    """What is thought of one listing; without a score where there is too little to compare it with."""

    score: float | None
    probability: float | None
    decision: Decision
    evidence: Sequence[FieldMismatch]
    """Fields that do not fit, the worst first."""
    nearest: Sequence[tuple[str, float]]
    """Items with the nearest texts, and the cosines."""


class ListingChecker:
    """One judgement over one state of the catalogue."""

    def __init__(self, recommender: Recommender, judgement: Judgement) -> None:
        self._recommender = recommender
        self._judgement = judgement
        items = recommender.items
        attributes = items.catalogue.attributes
        self._lore = CatalogueLore(attributes.frame, items.text_NE, recommender.ranker.spec, attributes.is_deleted_N)

    def verdicts(self, documents: Sequence[Mapping[str, Any]]) -> list[ListingVerdict]:
        """One verdict an item, as it would be listed; an item of the catalogue is compared with all others.

        `abstain` where these are fewer than `LEAST_COMPARED`.

        Raises RuleRefused for an item without any text.
        """
        found = self._figures(documents)
        if found.nearest_CK.shape[1] < LEAST_COMPARED:
            return [
                ListingVerdict(None, None, "abstain", evidence=(), nearest=self._nearest(found, number))
                for number in range(len(documents))
            ]
        return [
            ListingVerdict(
                score=self._judgement.score(float(log_odds)),
                probability=self._judgement.probability(float(log_odds)),
                decision=self._judgement.decision(float(log_odds)),
                evidence=found.mismatches[number],
                nearest=self._nearest(found, number),
            )
            for number, log_odds in enumerate(self._judgement.log_odds(found.figures_CF))
        ]

    def has_text(self, document: Mapping[str, Any]) -> bool:
        """Whether there is anything to compare it by."""
        return bool(item_text(document, self._recommender.ranker.spec.text_columns).strip())

    def _figures(self, documents: Sequence[Mapping[str, Any]]) -> ListingFigures:
        source, spec, row_of = self._recommender.ranker.source, self._recommender.ranker.spec, self._recommender.row_of
        encoder = self._recommender.items.origin.encoder
        schema = _schema(spec)
        items = [{name: document.get(name) for name in schema} for document in documents]
        with timed("encode"):
            texts = [item_text(item, spec.text_columns) for item in items]
            for number, text in enumerate(texts):
                if not text.strip():
                    raise RuleRefused(("items", number), "has no text to compare: neither title nor description")
            text_CE = encoder.embed(texts).astype(np.float16)
            encoded = encoder.encode(pl.DataFrame(items, schema=schema), text_CE)
        with timed("judge"):
            return listing_figures(
                self._lore,
                items,
                text_CE.astype(np.float32),
                encoded.features_CD,
                np.array([row_of.get(document.get("item_id", ""), -1) for document in documents], np.int32),
                item_features_ND=source.item_features_ND,
                critic=source.critic,
            )

    def _nearest(self, found: ListingFigures, number: int) -> list[tuple[str, float]]:
        nearest = zip(found.nearest_CK[number][:NEAREST_TOLD], found.cosine_CK[number][:NEAREST_TOLD], strict=True)
        return [(self._recommender.item_ids[row], round(float(cosine), 4)) for row, cosine in nearest]


def _schema(spec: FeatureSpec) -> dict[str, type[pl.DataType]]:
    """The columns that content is made of."""
    texts = ("title", "description", "category", "brand", *spec.text_columns, *spec.label_columns)
    return {**dict.fromkeys(texts, pl.String), "price": pl.Float64}
