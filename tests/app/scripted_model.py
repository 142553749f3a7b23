"""A model whose every answer is known: items in catalogue order, starting at the seed when there is exploration."""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from models.bundle.manifest import DatasetRecord, Manifest, TextEncoderRecord
from models.domain.errors import UnknownName
from models.domain.recommendation import Recommendation, RecommendationRequest, RecommendedItem

NUM_ITEMS = 30
ITEM_IDS = [f"item-{number}" for number in range(NUM_ITEMS)]
PROPERTY_NAMES = ["title", "price"]
MANIFEST = Manifest(
    model_version="scripted",
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    training={},
    dataset=DatasetRecord(name="thirty items", digest="d", source="the tests"),
    split={"kind": "temporal", "seed": 0},
    metrics={"hr@10": 0.5},
    scoreboard={"popularity": {"hr@10": 0.25}},
    serves="figment",
    fusion={"neighbours": 4.0},
    exclude_seen=True,
    repeat_share=0.0,
    num_items=NUM_ITEMS,
    num_users=2,
    num_events=9,
    max_history_events=50,
    feature_spec={},
    feature_spec_digest="d",
    embedding_size=8,
    noise_size=2,
    text_encoder=TextEncoderRecord(name="none", digest="d"),
)


class ScriptedModel:
    """Answers at once, unless `gate` is closed."""

    manifest = MANIFEST
    model_version = MANIFEST.model_version
    index_version = MANIFEST.model_version
    num_items = NUM_ITEMS
    serves = MANIFEST.serves
    property_names = PROPERTY_NAMES

    def __init__(self) -> None:
        self.asked: list[RecommendationRequest] = []
        self.gate = threading.Event()
        self.gate.set()

    def recommend(self, requests: Sequence[RecommendationRequest]) -> list[Recommendation]:
        """One answer a request."""
        assert self.gate.wait(timeout=20)
        self.asked += requests
        return [self._answer(request) for request in requests]

    def properties_of(self, item_row: int, names: Sequence[str]) -> dict[str, Any]:
        """A title and a price made from the row."""
        values = {"title": f"title {item_row}", "price": item_row + 0.5}
        for name in names:
            if name not in values:
                raise UnknownName("property", name, PROPERTY_NAMES)
        return {name: values[name] for name in names}

    def probe_recall(self) -> float:
        """Finds everything."""
        return 1.0

    def _answer(self, request: RecommendationRequest) -> Recommendation:
        known = [event.item_id for event in request.history if event.item_id in ITEM_IDS]
        unknown = [event.item_id for event in request.history if event.item_id not in ITEM_IDS]
        first = request.seed % NUM_ITEMS if request.exploration > 0 else 0
        left_out = {*request.exclude_item_ids, *(known if request.exclude_seen is not False else ())}
        rows = [(first + place) % NUM_ITEMS for place in range(NUM_ITEMS)]
        rows = [row for row in rows if ITEM_IDS[row] not in left_out][: request.k]
        return Recommendation(
            items=[RecommendedItem(ITEM_IDS[row], row, 1 - place / 100) for place, row in enumerate(rows)],
            fallback="none" if known else "popularity",
            warnings=[f"item {item_id!r} is unknown and was skipped" for item_id in unknown],
            strategy="ann",
            candidates_scanned=NUM_ITEMS,
            under_filled=len(rows) < request.k,
            sources={"generator" if known else "popularity": 1.0} if rows else {},
        )
