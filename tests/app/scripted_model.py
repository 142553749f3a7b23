"""A model whose every answer is known: items in catalogue order, starting at the seed when there is exploration."""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from models.bundle.manifest import DatasetRecord, Manifest, TextEncoderRecord
from models.domain.errors import RuleRefused, UnknownItem, UnknownName
from models.domain.events import HistoryEvent
from models.domain.explanation import ExplainedItem, Explanation, FirstPlace, Reason
from models.domain.filter import comparisons
from models.domain.recommendation import (
    Recommendation,
    RecommendationRequest,
    RecommendedItem,
    SearchRequest,
    SimilarRequest,
    Strategy,
)

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

    folder = Path("var/bundles/scripted")
    manifest = MANIFEST
    model_version = MANIFEST.model_version
    index_version = "scripted+0"
    num_items = NUM_ITEMS
    serves = MANIFEST.serves
    wish = "auto"
    index_figures = None
    profile_figures = None
    property_names = PROPERTY_NAMES

    def __init__(self) -> None:
        self.asked: list[RecommendationRequest] = []
        self.searched: list[SearchRequest] = []
        self.explained: list[tuple[RecommendationRequest, list[str], bool]] = []
        self.gone: set[str] = set()
        """Items that may not be listed any more."""
        self.num_calls = 0
        """Of `recommend`."""
        self.num_prepared = 0
        self.gate = threading.Event()
        self.gate.set()

    def check(self, request: RecommendationRequest) -> None:
        """A filter may name the two properties."""
        for path, comparison in comparisons(request.filter, ("filter",)) if request.filter else ():
            if comparison.field not in self.property_names:
                raise RuleRefused((*path, "field"), f"{comparison.field!r} is none of {self.property_names}")

    def recommend(self, requests: Sequence[RecommendationRequest]) -> list[Recommendation]:
        """One answer a request."""
        assert self.gate.wait(timeout=20)
        self.asked += requests
        self.num_calls += 1
        return [self._answer(request) for request in requests]

    def still_listable(self, request: RecommendationRequest, item_ids: Sequence[str]) -> list[int | None]:
        """All but those that are gone."""
        self.check(request)
        return [None if item_id in self.gone else ITEM_IDS.index(item_id) for item_id in item_ids]

    def check_search(self, asked: SearchRequest) -> None:
        """As `check`; spaces are no query."""
        if not asked.query.strip():
            raise RuleRefused(("query",), "holds no word")
        self.check(asked.request)

    def search(self, asked: SearchRequest) -> Recommendation:
        """Items in reverse order, or those that were handed in by their scores."""
        self.searched.append(asked)
        if asked.candidates is None:
            return self._listed(asked.request, list(range(NUM_ITEMS))[::-1], "text", {"words": 1.0})
        best_first = sorted(asked.candidates, key=lambda one: -one[1])
        rows = [ITEM_IDS.index(item_id) for item_id, _ in best_first if item_id in ITEM_IDS]
        return self._listed(asked.request, rows, "candidates", {"candidates": 1.0})

    def prepare_search(self) -> None:
        """Counts how often."""
        assert self.gate.wait(timeout=20)
        self.num_prepared += 1

    def similar(self, request: SimilarRequest) -> Recommendation:
        """Those that come after it in the catalogue."""
        if request.item_id not in ITEM_IDS:
            raise UnknownItem(request.item_id)
        self.check(RecommendationRequest((), filter=request.filter))
        row = ITEM_IDS.index(request.item_id)
        left_out = RecommendationRequest((), request.k, exclude_item_ids=request.exclude_item_ids)
        return self._listed(left_out, list(range(row + 1, NUM_ITEMS)), "exact", {"features": 1.0})

    def explain(self, request: RecommendationRequest, item_ids: Sequence[str], *, full: bool = False) -> Explanation:
        """The first event did .5 for each item, the second .4 and so on; without the first, item-29 would be first."""
        self.explained.append((request, list(item_ids), full))
        reasons = [
            Reason(position, event.item_id, 0.5 - position / 10)
            for position, event in enumerate(_known(request.history))
        ]
        items = [
            ExplainedItem(item_id, 0.5, reasons, reasons[0].item_id if reasons else None, ["generator"])
            for item_id in item_ids
        ]
        return Explanation(items, FirstPlace([0], "item-29", 1) if full and reasons else None)

    def properties_of(self, item_rows: Sequence[int], names: Sequence[str]) -> list[dict[str, Any]]:
        """A title and a price made from each row."""
        for name in names:
            if name not in PROPERTY_NAMES:
                raise UnknownName("property", name, PROPERTY_NAMES)
        values = [{"title": f"title {item_row}", "price": item_row + 0.5} for item_row in item_rows]
        return [{name: each[name] for name in names} for each in values]

    def probe_recall(self) -> float:
        """Finds everything."""
        return 1.0

    def _answer(self, request: RecommendationRequest) -> Recommendation:
        known = [event.item_id for event in _known(request.history)]
        first = request.seed % NUM_ITEMS if request.exploration > 0 else 0
        seen = known if request.exclude_seen is not False else ()
        rows = [(first + place) % NUM_ITEMS for place in range(NUM_ITEMS)]
        rows = [row for row in rows if ITEM_IDS[row] not in seen]
        source = "generator" if known else "popularity"
        return self._listed(request, rows, "ann" if known else "popularity", {source: 1.0})

    def _listed(
        self, request: RecommendationRequest, rows: Sequence[int], strategy: Strategy, sources: dict[str, float]
    ) -> Recommendation:
        unknown = [event.item_id for event in request.history if event.item_id not in ITEM_IDS]
        rows = [row for row in rows if ITEM_IDS[row] not in request.exclude_item_ids][: request.k]
        return Recommendation(
            items=[RecommendedItem(ITEM_IDS[row], row, 1 - place / 100) for place, row in enumerate(rows)],
            fallback="popularity" if strategy == "popularity" else "none",
            warnings=[f"item {item_id!r} is unknown and was skipped" for item_id in unknown],
            strategy=strategy,
            candidates_scanned=NUM_ITEMS,
            under_filled=len(rows) < request.k,
            sources=sources if rows else {},
            index_version=self.index_version,
        )


def _known(history: Sequence[HistoryEvent]) -> list[HistoryEvent]:
    return [event for event in history if event.item_id in ITEM_IDS]
