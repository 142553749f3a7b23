"""What answers now, and the phases of the process around it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

from app.observability.live_figures import IndexState
from app.observability.logs import get_log
from app.observability.metrics import Metrics
from app.observability.work import ObservedWork
from app.runtime.together import Together
from app.runtime.workers import Workers
from models.bundle.manifest import Manifest
from models.domain.errors import NotReady
from models.domain.events import HistoryEvent
from models.domain.explanation import Explanation
from models.domain.recommendation import (
    Recommendation,
    RecommendationRequest,
    SearchProfile,
    SearchRequest,
    SimilarRequest,
)
from models.recommend.standing import validated
from models.recommend.systems import Wish

ChosenBy = Literal["validation", "FIGMENT_RECOMMENDER", "nothing to compare"]
Phase = Literal["loading", "serving", "leaving"]
NUM_EXAMPLE_ITEMS = 3
NUM_PROBED_WISHES = 8

log = get_log(__name__)


class ServedModel(Protocol):
    """What the service needs of `models.recommend.recommender.Recommender`."""

    folder: Path
    manifest: Manifest
    model_version: str
    index_version: str
    num_items: int
    serves: str
    wish: Wish
    index_figures: Mapping[str, Any] | None
    profile_figures: Mapping[SearchProfile, Any] | None

    @property
    def property_names(self) -> Sequence[str]:
        """Catalogue columns that an answer can carry."""

    def recommend(self, requests: Sequence[RecommendationRequest]) -> list[Recommendation]:
        """One answer a request, in order."""

    def check(self, request: RecommendationRequest) -> None:
        """Raises InputError where `recommend` would."""

    def still_listable(self, request: RecommendationRequest, item_ids: Sequence[str]) -> list[int | None]:
        """Of each item the row, or None where the request may not list it."""

    def explain(
        self, request: RecommendationRequest, item_ids: Sequence[str] | None = None, *, full: bool = False
    ) -> Explanation:
        """Why these items were listed."""

    def check_search(self, asked: SearchRequest) -> None:
        """Raises InputError where `search` would."""

    def search(self, asked: SearchRequest) -> Recommendation:
        """What a text finds, or what was handed in."""

    def prepare_search(self) -> None:
        """Loads what the first search would wait for."""

    def similar(self, request: SimilarRequest) -> Recommendation:
        """The nearest items to one. Raises UnknownItem."""

    def properties_of(self, item_rows: Sequence[int], names: Sequence[str]) -> Sequence[dict[str, Any]]:
        """Catalogue values of each item."""

    def probe_recall(self) -> float:
        """Share of the nearest items that the index finds, of a few probes."""


Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model that passed its checks, as it is from one change to the next.

    A request takes it once, so its answer comes from one state.
    """

    model: ServedModel
    popular_item_ids: Sequence[str]
    """Real ones, for the documentation's examples."""
    changed_at: datetime
    """When the newest change of the catalogue in it was committed; when the bundle was made, before the first."""
    _made: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def made_once(self, name: str, make: Callable[[ServedModel], Made]) -> Made:
        """What stands on this state of the model alone: made for the first who asks for it, and gone with the state."""
        if name not in self._made:
            self._made[name] = make(self.model)
        made: Made = self._made[name]
        return made

    @property
    def chosen_by(self) -> ChosenBy:
        """What made the system that serves the one that does."""
        if self.model.wish != "auto":
            return "FIGMENT_RECOMMENDER"
        return "validation" if validated(self.model.manifest) else "nothing to compare"

    @property
    def index(self) -> IndexState:
        """The index that answers."""
        return IndexState(
            model_version=self.model.model_version,
            index_version=self.model.index_version,
            serves=self.model.serves,
            num_items=self.model.num_items,
            built_at=self.changed_at,
        )


class LiveModel:
    """Hands out what answers while the process serves."""

    def __init__(
        self,
        open_model: Callable[[], ServedModel] | None,
        workers: Workers,
        *,
        check_index: Callable[[Manifest], None] | None = None,
    ) -> None:
        """`open_model`: where one model answers as it is; None: a live catalogue publishes what answers.

        `check_index` raises IndexUnavailable where a server that keeps the index of what is served does not answer.
        """
        self.workers = workers
        self.together = Together(workers)
        self._check_index = check_index
        self.phase: Phase = "loading"
        self.metrics: Metrics = workers.metrics
        self.metrics.watch_index(lambda: self._loaded.index if self._loaded else None)
        self._open_model = open_model
        self._loaded: Loaded | None = None

    async def load(self) -> None:
        """Opens the model in a thread, so that the liveness probe answers meanwhile; raises what opening raises."""
        assert self._open_model is not None
        self.publish(await asyncio.to_thread(self._opened, self._open_model))

    def publish(self, loaded: Loaded) -> None:
        """From now on this answers; what was asked before is answered by what was there before."""
        before, self._loaded = self._loaded, loaded
        if before is None or before.model.model_version != loaded.model.model_version:
            model = loaded.model
            log.info(
                "model loaded",
                model_version=model.model_version,
                dataset=model.manifest.dataset.name,
                items=model.num_items,
                serves=model.serves,
                chosen_by=loaded.chosen_by,
            )
            if model.manifest.is_for_benchmarks:
                log.warning(
                    "made for a benchmark: a tenth of the items was hidden from training",
                    model_version=model.model_version,
                )
        if self.phase == "loading":
            self.phase = "serving"

    def leave(self) -> None:
        """From now on the readiness probe sends traffic elsewhere; requests that still come are answered."""
        self.phase = "leaving"
        self.metrics.drain_began()

    @property
    def is_loaded(self) -> bool:
        """Whether loading has finished."""
        return self._loaded is not None

    @property
    def loaded(self) -> Loaded:
        """What answers. Raises NotReady while it loads."""
        if self._loaded is None:
            raise NotReady("the model is still loading")
        return self._loaded

    async def check_ready(self) -> None:
        """Raises NotReady, or IndexUnavailable, with the reason why new traffic should go elsewhere."""
        if self.phase == "leaving":
            raise NotReady("the process is shutting down")
        if not self.is_loaded:
            raise NotReady("the model is still loading")
        if self.workers.is_full:
            raise NotReady(f"all {self.workers.max_in_flight} permits are taken")
        if self._check_index is not None:
            await asyncio.to_thread(self._check_index, self.loaded.model.manifest)

    def _opened(self, open_model: Callable[[], ServedModel]) -> Loaded:
        model = open_model()
        popular = popular_items(model)
        probe_wishes(model, popular, self.metrics)
        self.metrics.probe_recall_measured(model.probe_recall())
        return Loaded(model, popular, model.manifest.created_at)


def popular_items(model: ServedModel) -> list[str]:
    """Real ids; asking for them also makes what the first list would otherwise wait for."""
    popular = model.recommend([RecommendationRequest(history=(), k=NUM_EXAMPLE_ITEMS)])[0]
    return [item.item_id for item in popular.items]


def probe_wishes(model: ServedModel, item_ids: Sequence[str], metrics: Metrics) -> None:
    """A figure that would otherwise wait for a shopper who asks for several wishes."""
    history = [HistoryEvent(item_id) for item_id in item_ids]
    several = RecommendationRequest(history=history, exploration=1.0, num_samples=NUM_PROBED_WISHES)
    work = ObservedWork()
    work.run(lambda: model.recommend([several]))
    metrics.wishes_seen(work)
