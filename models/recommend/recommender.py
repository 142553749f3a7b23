"""The recommender that serves: one bundle, opened, verified and asked."""

# B users, K places, S samples, Z noise

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.bundle.layout import MANIFEST
from models.bundle.manifest import Manifest
from models.bundle.read import Bundle, open_bundle
from models.domain.errors import BundleCorrupt, HistoryTooLong, UnknownName
from models.domain.events import EVENT_TYPES, HISTORY_EVENT_TYPES, HistoryEvent
from models.domain.recommendation import (
    MAX_HISTORY_EVENTS,
    Recommendation,
    RecommendationRequest,
    RecommendedItem,
)
from models.domain.stages import timed
from models.recommend.candidates import CandidateSource
from models.recommend.evidence import EVIDENCE
from models.recommend.fusion import FusionWeights
from models.recommend.golden import replay_golden
from models.recommend.ranker import USERS_PER_CALL, EncodedHistory, Question, RankedList, Ranker
from models.recommend.sessions import run_network
from models.recommend.systems import STAGE_OF, Stage, Wish, system_for

_TYPE_NUMBER: Final = {name: number for number, name in enumerate(EVENT_TYPES)}


class Recommender:
    """Requests in item ids, answers in item ids; evaluation asks its `ranker`, in item rows."""

    def __init__(self, bundle: Bundle, *, threads: int = 1, wish: Wish = "auto") -> None:
        self.folder: Path = bundle.folder
        self.manifest: Manifest = bundle.manifest
        self.model_version: str = bundle.manifest.model_version
        self.item_ids: Sequence[str] = bundle.item_ids
        self.num_items: int = len(bundle.item_ids)
        self.row_of: Mapping[str, int] = {item_id: row for row, item_id in enumerate(bundle.item_ids)}
        self.serves: str = system_for(wish, bundle.manifest.serves)
        """The system that orders the lists of `recommend`."""
        self._stage: Stage = STAGE_OF[self.serves]
        self._catalogue = bundle.catalogue
        self.ranker: Ranker = build_ranker(bundle, threads)

    @classmethod
    def open(cls, folder: Path, *, threads: int = 1, wish: Wish = "auto") -> "Recommender":
        """Verify every digest, load, and replay the golden requests; raises BundleError."""
        bundle = open_bundle(folder)
        recommender = cls(bundle, threads=threads, wish=wish)
        # recorded from the winner, whatever is wished for now
        as_recorded = recommender if wish == "auto" else cls(bundle, threads=threads)
        replay_golden(folder, as_recorded.recommend)
        return recommender

    @property
    def property_names(self) -> Sequence[str]:
        """Catalogue columns that an answer can carry."""
        return [name for name in self._catalogue.columns if name != "item_id"]

    def properties_of(self, item_row: int, names: Sequence[str]) -> dict[str, Any]:
        """Catalogue values of one item; raises UnknownName for a column that is not there."""
        known = self.property_names
        for name in names:
            if name not in known:
                raise UnknownName("property", name, list(known))
        values = self._catalogue.row(item_row, named=True)
        return {name: values[name] for name in names}

    def recommend(self, requests: Sequence[RecommendationRequest]) -> list[Recommendation]:
        """One answer a request, in their order; each is the same alone and in company."""
        with timed("encode"):
            read = [self._read(request) for request in requests]
        answers: dict[int, RankedList] = {}
        for numbers in _by_samples([question for question, _ in read]):
            ranked = self.ranker.rank([read[number][0] for number in numbers], self._stage)
            answers.update(zip(numbers, ranked, strict=True))
        return [self._answer(answers[number], question.k, warnings) for number, (question, warnings) in enumerate(read)]

    def _read(self, request: RecommendationRequest) -> tuple[Question, list[str]]:
        if len(request.history) > MAX_HISTORY_EVENTS:
            raise HistoryTooLong(len(request.history), MAX_HISTORY_EVENTS)
        warnings: list[str] = []
        history, disliked_rows = self._encode(request.history, warnings)
        exclude_seen = self.manifest.exclude_seen if request.exclude_seen is None else request.exclude_seen
        excluded = [self.row_of[item_id] for item_id in request.exclude_item_ids if item_id in self.row_of]
        excluded += disliked_rows
        if exclude_seen:
            excluded += history[0].tolist()
        question = Question(
            history=history,
            excluded_rows=np.unique(np.array(excluded, np.int32)),
            seen_left_out=exclude_seen,
            k=request.k,
            noise_SZ=_noise(request, self.manifest.noise_size),
        )
        return question, warnings

    def _encode(self, events: Sequence[HistoryEvent], warnings: list[str]) -> tuple[EncodedHistory, list[int]]:
        """Known events oldest first, and the rows of disliked items; unknown items leave a warning each."""
        if events and all(event.timestamp_seconds is not None for event in events):
            events = sorted(events, key=lambda event: event.timestamp_seconds or 0.0)
        unknown = list(dict.fromkeys(event.item_id for event in events if event.item_id not in self.row_of))
        warnings += [f"item {item_id!r} of the history is not in the catalogue: skipped" for item_id in unknown[:10]]
        if len(unknown) > 10:
            warnings.append(f"{len(unknown) - 10} more items of the history are not in the catalogue: skipped")
        known = [event for event in events if event.item_id in self.row_of]
        disliked = [self.row_of[event.item_id] for event in known if event.event_type == "dislike"]
        used = [event for event in known if event.event_type in HISTORY_EVENT_TYPES]
        return (
            np.array([self.row_of[event.item_id] for event in used], np.int32),
            np.array([_TYPE_NUMBER[event.event_type] for event in used], np.int8),
            np.array(
                [-1 if event.timestamp_seconds is None else int(event.timestamp_seconds) for event in used], np.int64
            ),
        ), disliked

    def _answer(self, ranked: RankedList, k: int, warnings: Sequence[str]) -> Recommendation:
        return Recommendation(
            items=[
                RecommendedItem(item_id=self.item_ids[row], item_row=int(row), score=float(score))
                for row, score in zip(ranked.rows_K, ranked.scores_K, strict=True)
            ],
            fallback="popularity" if ranked.by_popularity else "none",
            warnings=warnings,
            candidates_scanned=ranked.candidates_scanned,
            under_filled=len(ranked.rows_K) < k,
            sources=ranked.sources,
        )


def build_ranker(bundle: Bundle, threads: int = 1) -> Ranker:
    """The ranker over a bundle's files; raises BundleCorrupt where its judge asks for evidence that nobody gathers."""
    if bundle.has_judge and tuple(bundle.manifest.evidence) != EVIDENCE:
        unknown = sorted(set(bundle.manifest.evidence) ^ set(EVIDENCE))
        reason = f"its judge knows other evidence than this version gathers ({', '.join(unknown)}): train again"
        raise BundleCorrupt(bundle.folder / MANIFEST, reason)
    return Ranker.assemble(
        source=CandidateSource(
            generator=run_network(bundle.session("generator", threads=threads)),
            critic=run_network(bundle.session("critic", threads=threads)),
            index=bundle.index,
            item_features_ND=bundle.item_features_ND,
            neighbours=bundle.neighbours,
            similarity_scale=bundle.manifest.similarity_scale,
        ),
        spec=bundle.feature_spec,
        weights=FusionWeights(**bundle.manifest.fusion),
        facts=bundle.item_facts,
        judge=run_network(bundle.session("judge", threads=threads)) if bundle.has_judge else None,
        popularity_N=bundle.popularity_N,
        noise_size=bundle.manifest.noise_size,
        out_of_stock_N=_out_of_stock(bundle.catalogue),
    )


def _out_of_stock(catalogue: pl.DataFrame) -> NDArray[np.bool_]:
    """True only where the catalogue says so: no column or no value means that there is stock."""
    if "in_stock" not in catalogue.columns:
        return np.zeros(len(catalogue), np.bool_)
    return (~catalogue["in_stock"].cast(pl.Boolean).fill_null(value=True)).to_numpy()


def _noise(request: RecommendationRequest, noise_size: int) -> NDArray[np.float32]:
    """Noise [S, Z] of the request's own seed; one row of zeros where nothing is explored."""
    if request.exploration == 0.0:
        return np.zeros((1, noise_size), np.float32)
    draws_SZ = np.random.default_rng(request.seed).standard_normal((request.num_samples, noise_size))
    return (request.exploration * draws_SZ).astype(np.float32)


def _by_samples(questions: Sequence[Question]) -> Iterable[list[int]]:
    """Numbers of the questions that can share one call of the networks."""
    groups: dict[int, list[int]] = {}
    for number, question in enumerate(questions):
        groups.setdefault(len(question.noise_SZ), []).append(number)
    for numbers in groups.values():
        for start in range(0, len(numbers), USERS_PER_CALL):
            yield numbers[start : start + USERS_PER_CALL]
