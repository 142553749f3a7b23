"""The recommender that serves: one bundle, opened, verified and asked; with the changes that the shop made since."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.bundle.manifest import Manifest
from models.bundle.read import Bundle, open_bundle
from models.domain.errors import RuleRefused, UnknownItem
from models.domain.explanation import Explanation
from models.domain.recommendation import (
    MAX_HANDED_IN,
    MAX_QUERY_CHARACTERS,
    Recommendation,
    RecommendationRequest,
    RecommendedItem,
    SearchProfile,
    SearchRequest,
    SimilarRequest,
)
from models.domain.stages import timed
from models.features.content import EmbedsText
from models.recommend.build import build_ranker
from models.recommend.catalogue import Catalogue
from models.recommend.explain import Explainer, explained
from models.recommend.golden import replay_golden
from models.recommend.live.documents import ItemDocument
from models.recommend.live.draft import Draft
from models.recommend.live.items import LiveItems
from models.recommend.live.verify import probe_recall, verify_view
from models.recommend.nothing_listed import why_nothing
from models.recommend.question import Question, RankedList
from models.recommend.ranker import Ranker
from models.recommend.requests import ReadRequest, RequestReader
from models.recommend.search.searcher import Found, Searcher, handed_in
from models.recommend.search.text import TextSearch
from models.recommend.similar import SimilarItems
from models.recommend.systems import STAGE_OF, Stage, Wish, system_for
from models.retrieval.index import VectorIndex

PlacesIndex: TypeAlias = Callable[[Bundle], VectorIndex]
"""The index of a bundle's items, kept elsewhere."""
NOTHING_MATCHES: Final = (
    "nothing matches the query: no item has a word of it, and none is nearer in meaning than to letters drawn at random"
)


class Recommender:
    """Requests in item ids, answers in item ids; evaluation asks its `ranker`, in item rows."""

    def __init__(self, bundle: Bundle, *, threads: int = 1, wish: Wish = "auto") -> None:
        self.folder: Path = bundle.folder
        self.manifest: Manifest = bundle.manifest
        self.model_version: str = bundle.manifest.model_version
        self.wish: Wish = wish
        self.serves: str = system_for(wish, bundle.manifest.serves)
        """The system that orders the lists of `recommend`."""
        self.index_figures: Mapping[str, Any] | None = bundle.manifest.metrics.get("index")
        """Of `models.retrieval.choice`, as they were measured when the bundle was made; None where another answers."""
        self.profile_figures: Mapping[SearchProfile, Any] | None = (
            bundle.manifest.metrics.get("profiles") if self.serves == bundle.manifest.serves else None
        )
        """Of `models.recommend.profiles`, likewise; None too where another system orders the lists."""
        self._stage: Stage = STAGE_OF[self.serves]
        self._trained: Ranker = build_ranker(bundle, threads)
        self._show(LiveItems.of(bundle, self._trained.source.critic_terms))

    def _show(self, items: LiveItems) -> None:
        self.items: LiveItems = items
        self.index_version: str = items.index_version
        self.catalogue: Catalogue = items.catalogue
        self.item_ids: Sequence[str] = items.catalogue.item_ids
        """By row; deleted items keep theirs."""
        self.row_of: Mapping[str, int] = items.catalogue.row_of
        self.num_items: int = int((~items.catalogue.attributes.is_deleted_N).sum())
        self.ranker: Ranker = items.ranker(self._trained)
        self._texts = TextSearch(items.own_texts, items.text_NE, items.catalogue.attributes.is_deleted_N)
        self._similar = SimilarItems(self.ranker.source)
        self._reader = RequestReader(self.catalogue, self.manifest.exclude_seen, self.manifest.noise_size)

    def changed(
        self,
        documents: Sequence[ItemDocument],
        *,
        revision: int,
        content_revision: int | None = None,
        embed: EmbedsText | None = None,
    ) -> "Recommender":
        """Another recommender with the items as they are after these documents. See `Draft`.

        `verify` it before it serves. Raises DocumentRefused.
        """
        draft = Draft.of(self.items, documents, revision=revision, content_revision=content_revision)
        return self.with_items(draft.finished(embed))

    def with_items(self, items: LiveItems) -> "Recommender":
        """Another recommender over these items; this one goes on as it is.

        They share the networks and all that did not change.
        """
        other = copy(self)
        other._show(items)
        return other

    def verify(self) -> float:
        """The share of the nearest items that the index finds.

        Raises ViewRefused where counts disagree or the index does not find what is there.
        """
        return verify_view(self.items, self.ranker)

    def probe_recall(self) -> float:
        """The same share, whatever it is."""
        return probe_recall(self.items, self.ranker)

    @classmethod
    def open(
        cls, folder: Path, *, threads: int = 1, wish: Wish = "auto", place_index: PlacesIndex | None = None
    ) -> "Recommender":
        """Verify every digest, load, and replay the golden requests; raises BundleError.

        `place_index`: then another index answers, with the same items; `verify` says how well. Raises what it raises.
        """
        bundle = open_bundle(folder)
        recommender = cls(bundle, threads=threads, wish=wish)
        # recorded from the winner, whatever is wished for now
        as_recorded = recommender if wish == "auto" else cls(bundle, threads=threads)
        replay_golden(folder, as_recorded.recommend)
        if place_index is None:
            return recommender
        moved = cls(replace(bundle, index=place_index(bundle)), threads=threads, wish=wish)
        moved.index_figures = moved.profile_figures = None
        return moved

    @property
    def property_names(self) -> Sequence[str]:
        """Catalogue columns that an answer can carry."""
        return self.catalogue.property_names

    def properties_of(self, item_rows: Sequence[int], names: Sequence[str]) -> list[dict[str, Any]]:
        """Catalogue values of each item; raises UnknownName for a column that is not there."""
        return self.catalogue.properties_of(item_rows, names)

    def check(self, request: RecommendationRequest) -> None:
        """Raises InputError where `recommend` would: ask first, so that one bad request of many fails alone."""
        self._reader.check(request)

    def recommend(self, requests: Sequence[RecommendationRequest]) -> list[Recommendation]:
        """One answer a request, in their order; each is the same alone and in company. Raises InputError."""
        read = [self._reader.read(request) for request in requests]
        answers: dict[int, RankedList] = {}
        for profile, numbers in self._calls(requests, read):
            ranked = self.ranker.rank(
                [read[number].question for number in numbers], self._stage_of(profile), exact=profile == "exact"
            )
            answers.update(zip(numbers, ranked, strict=True))
        return [self._answer(answers[number], each, requests[number]) for number, each in enumerate(read)]

    def still_listable(self, request: RecommendationRequest, item_ids: Sequence[str]) -> list[int | None]:
        """Of each item the row; None where it may not be listed: gone, out of stock, or not what the filter allows.

        Exclusions count for nothing: these items were listed when they held. Raises InputError as `recommend` does.
        """
        self.check(request)
        mask = self.catalogue.attributes.mask(request.filter, include_out_of_stock=request.include_out_of_stock)
        rows = (self.row_of.get(item_id) for item_id in item_ids)
        return [row if row is not None and mask.allowed_N[row] else None for row in rows]

    def explain(
        self, request: RecommendationRequest, item_ids: Sequence[str] | None = None, *, full: bool = False
    ) -> Explanation:
        """Why these items were listed for this request; without `item_ids`, those that would be listed now.

        `full`: also what would have changed the first place. Items that are no longer there are left out. Raises
        InputError as `recommend` does.
        """
        question = self._reader.read(request).question
        if item_ids is None:
            (answer,) = self.recommend([request])
            item_ids = [item.item_id for item in answer.items]
        rows_X = self.catalogue.rows_of(item_ids)
        explainer = Explainer(self.ranker, self._stage_of(request.search_profile))
        with timed("explain"):
            return explained(explainer, question, rows_X, self.item_ids, full=full)

    def check_search(self, asked: SearchRequest) -> None:
        """Raises InputError where `search` would."""
        if asked.candidates is None and not asked.query.strip():
            raise RuleRefused(("query",), "holds no word")
        if len(asked.query) > MAX_QUERY_CHARACTERS:
            raise RuleRefused(("query",), f"has {len(asked.query)} characters, the limit is {MAX_QUERY_CHARACTERS}")
        if asked.candidates is not None and len(asked.candidates) > MAX_HANDED_IN:
            raise RuleRefused(("candidates",), f"has {len(asked.candidates)} entries, the limit is {MAX_HANDED_IN}")
        self.check(asked.request)

    def search(self, asked: SearchRequest) -> Recommendation:
        """What a text finds, or what was handed in, ordered by that and by the history; nothing else fills it up.

        Rules mean what they mean in `recommend`. Raises InputError.
        """
        self.check_search(asked)
        read = self._reader.read(asked.request)
        searcher = Searcher(self.ranker, self._stage_of(asked.request.search_profile))
        if asked.candidates is not None:
            unknown = sum(item_id not in self.row_of for item_id, _ in asked.candidates)
            told = [f"{unknown} of the candidates are not in the catalogue: skipped"] if unknown else []
            ranked = self._reranked(searcher, read.question, asked.candidates)
            known = self.catalogue.rows_of(item_id for item_id, _ in asked.candidates)
            read = ReadRequest(read.question, [*read.warnings, *told])
            return self._answer(ranked, read, asked.request, known, "candidates")
        with timed("encode"):
            query_E = self.items.origin.encoder.embed([asked.query])[0]
        everything_N = ~self.catalogue.attributes.is_deleted_N
        with timed("filter"):
            allowed_N = read.question.allows(np.arange(len(everything_N), dtype=np.int32))
        with timed("search"):
            found, among = self._texts.find(asked.query, query_E, (allowed_N, everything_N))
        places, scores_K = searcher.listed(
            read.question, *(Found(each.rows_X, each.values_X, each.coverage_X) for each in (found, among))
        )
        if not self._texts.is_near(among):
            read = ReadRequest(read.question, [*read.warnings, NOTHING_MATCHES])
        by_words = float((found.coverage_X[places] > 0).mean()) if len(places) else 0.0
        sources = {"words": by_words, "meaning": 1.0 - by_words}
        ranked = RankedList.of(found.rows_X[places], scores_K, len(found.rows_X), sources, "text")
        return self._answer(ranked, read, asked.request)

    def _reranked(self, searcher: Searcher, question: Question, candidates: Sequence[tuple[str, float]]) -> RankedList:
        """Another search engine's items, of those that the catalogue has."""
        known = handed_in([(self.row_of[item_id], score) for item_id, score in candidates if item_id in self.row_of])
        found = known.where(question.allows(known.rows_X))
        places, scores_K = searcher.listed(question, found, known)
        return RankedList.of(found.rows_X[places], scores_K, len(found.rows_X), {"candidates": 1.0}, "candidates")

    def prepare_search(self) -> None:
        """Load and index what the first search would wait for: seconds for a large catalogue."""
        self.search(SearchRequest(RecommendationRequest(()), "prepare"))
        _ = self.items.origin.texts.chance

    def similar(self, request: SimilarRequest) -> Recommendation:
        """The nearest items to one: by feature, and as its neighbours; every item is asked.

        Sources say which of the two. Raises UnknownItem, and RuleRefused for a filter that cannot be answered.
        """
        catalogue = self.catalogue
        row = catalogue.row_of.get(request.item_id)
        if row is None or catalogue.attributes.is_deleted_N[row]:
            raise UnknownItem(request.item_id)
        with timed("filter"):
            mask = catalogue.attributes.mask(request.filter, include_out_of_stock=request.include_out_of_stock)
        with timed("search"):
            rows, scores, is_near = self._similar.nearest(
                row, request.k, mask, catalogue.rows_of(request.exclude_item_ids)
            )
        near = float(is_near.mean()) if len(rows) else 0.0
        others = np.delete(np.arange(len(self.item_ids), dtype=np.int32), row)
        return Recommendation(
            items=self._listed(rows, scores),
            fallback="none",
            warnings=() if len(rows) else (self._why_nothing(request, others, "other items"),),
            strategy="exact",
            candidates_scanned=self.num_items,
            under_filled=len(rows) < request.k,
            sources={"features": 1.0 - near, "neighbours": near} if len(rows) else {},
            index_version=self.index_version,
        )

    def _calls(
        self, requests: Sequence[RecommendationRequest], read: Sequence[ReadRequest]
    ) -> Iterable[tuple[SearchProfile, list[int]]]:
        """Numbers of the requests that share one call of the networks, and their profile."""
        groups: dict[tuple[SearchProfile, Hashable], list[int]] = {}
        for number, (request, each) in enumerate(zip(requests, read, strict=True)):
            groups.setdefault((request.search_profile, len(each.question.noise_SZ)), []).append(number)
        for (profile, _), numbers in groups.items():
            for places in self.ranker.calls([read[number].question for number in numbers]):
                yield profile, [numbers[place] for place in places]

    def _listed(self, rows_K: NDArray[np.int32], scores_K: NDArray[np.float32]) -> list[RecommendedItem]:
        return [
            RecommendedItem(self.item_ids[row], row, score)
            for row, score in zip(rows_K.tolist(), scores_K.tolist(), strict=True)
        ]

    def _stage_of(self, profile: SearchProfile) -> Stage:
        """What orders the list: `fast` does without the judge, and changes nothing where there is none."""
        return "fused" if profile == "fast" and self._stage == "judged" else self._stage

    def _why_nothing(
        self,
        request: RecommendationRequest | SimilarRequest,
        among_X: NDArray[np.int32] | None = None,
        called: str = "items",
    ) -> str:
        return why_nothing(
            self.catalogue.attributes,
            request.filter,
            include_out_of_stock=request.include_out_of_stock,
            rows_X=among_X,
            called=called,
        )

    def _answer(
        self,
        ranked: RankedList,
        read: ReadRequest,
        request: RecommendationRequest,
        among_X: NDArray[np.int32] | None = None,
        called: str = "items",
    ) -> Recommendation:
        nothing = [] if len(ranked.rows_K) else [self._why_nothing(request, among_X, called)]
        return Recommendation(
            items=self._listed(ranked.rows_K, ranked.scores_K),
            fallback="popularity" if ranked.is_fallback else "none",
            warnings=[*read.warnings, *nothing],
            strategy=ranked.strategy,
            candidates_scanned=ranked.candidates_scanned,
            under_filled=len(ranked.rows_K) < read.question.k,
            sources=ranked.sources,
            index_version=self.index_version,
        )
