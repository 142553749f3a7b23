"""Requests in item ids to questions in item rows."""

# S samples, Z noise, P items

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.domain.attributes import check_comparison, check_filter, kind_of
from models.domain.errors import HistoryTooLong, RuleRefused
from models.domain.events import EVENT_TYPES, HISTORY_EVENT_TYPES, HistoryEvent
from models.domain.recommendation import MAX_HISTORY_EVENTS, RecommendationRequest
from models.domain.rules import Boost
from models.domain.stages import timed
from models.recommend.arrangement import AS_RANKED, Arrangement
from models.recommend.catalogue import Catalogue
from models.recommend.question import EncodedHistory, Question

_TYPE_NUMBER: Final = {name: number for number, name in enumerate(EVENT_TYPES)}
_MOST_TOLD: Final = 10


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """A question, and what the caller should know of how it was understood."""

    question: Question
    warnings: Sequence[str]


@dataclass(frozen=True, slots=True)
class RequestReader:
    """Reads requests against one state of the catalogue."""

    catalogue: Catalogue
    exclude_seen: bool
    """Where the request says nothing."""
    noise_size: int

    def check(self, request: RecommendationRequest) -> None:
        """Raises InputError for what this catalogue cannot answer; a filter's error has the path to the part."""
        if len(request.history) > MAX_HISTORY_EVENTS:
            raise HistoryTooLong(len(request.history), MAX_HISTORY_EVENTS)
        kinds = self.catalogue.attributes.kinds
        if request.filter is not None:
            check_filter(request.filter, kinds)
        for number, boost in enumerate(request.boosts):
            check_comparison(boost.comparison, kinds, ("boosts", number))
        for field in request.max_per:
            if kind_of(field, kinds, ("max_per", field)) == "texts":
                raise RuleRefused(("max_per", field), f"{field!r} has several values an item: it cannot be limited")

    def read(self, request: RecommendationRequest) -> ReadRequest:
        """The question that a request asks; raises InputError as `check` does."""
        self.check(request)
        with timed("encode"):
            history, disliked_rows, warnings = self.encode(request.history)
        with timed("filter"):
            attributes = self.catalogue.attributes
            mask = attributes.mask(request.filter, include_out_of_stock=request.include_out_of_stock)
        exclude_seen = self.exclude_seen if request.exclude_seen is None else request.exclude_seen
        excluded = [*self.catalogue.rows_of(request.exclude_item_ids).tolist(), *disliked_rows]
        if exclude_seen:
            excluded += history[0].tolist()
        return ReadRequest(
            Question(
                history=history,
                excluded_rows=np.array(sorted(set(excluded)), np.int32),
                seen_left_out=exclude_seen,
                k=request.k,
                noise_SZ=self._noise(request),
                mask=mask,
                disliked_rows=np.array(list(dict.fromkeys(disliked_rows)), np.int32),
                arrangement=self._arrangement(request),
            ),
            warnings,
        )

    def encode(self, events: Sequence[HistoryEvent]) -> tuple[EncodedHistory, list[int], list[str]]:
        """Known events oldest first, the rows of disliked items, and a warning for each unknown item."""
        if events and all(event.timestamp_seconds is not None for event in events):
            events = sorted(events, key=lambda event: event.timestamp_seconds or 0.0)
        found = [(self.catalogue.row_of.get(event.item_id), event) for event in events]
        unknown = list(dict.fromkeys(event.item_id for row, event in found if row is None))
        told = unknown[:_MOST_TOLD]
        warnings = [f"item {item_id!r} of the history is not in the catalogue: skipped" for item_id in told]
        if len(unknown) > _MOST_TOLD:
            rest = len(unknown) - _MOST_TOLD
            warnings.append(f"{rest} more items of the history are not in the catalogue: skipped")
        known = [(row, event) for row, event in found if row is not None]
        disliked = [row for row, event in known if event.event_type == "dislike"]
        used = [(row, event) for row, event in known if event.event_type in HISTORY_EVENT_TYPES]
        times = [event.timestamp_seconds for _, event in used]
        history = (
            np.array([row for row, _ in used], np.int32),
            np.array([_TYPE_NUMBER[event.event_type] for _, event in used], np.int8),
            np.array([-1 if seconds is None else int(seconds) for seconds in times], np.int64),
        )
        return history, disliked, warnings

    def _noise(self, request: RecommendationRequest) -> NDArray[np.float32]:
        """Noise [S, Z] of the request's own seed; one row of zeros where nothing is explored."""
        if request.exploration == 0.0:
            return np.zeros((1, self.noise_size), np.float32)
        draws_SZ = np.random.default_rng(request.seed).standard_normal((request.num_samples, self.noise_size))
        return (request.exploration * draws_SZ).astype(np.float32)

    def _arrangement(self, request: RecommendationRequest) -> Arrangement:
        boosts, catalogue = tuple(request.boosts), self.catalogue
        if not boosts and not request.max_per and request.diversity == 0.0:
            return AS_RANKED
        return Arrangement(
            weigh=(lambda rows: _weights(catalogue, boosts, rows)) if boosts else None,
            max_per=request.max_per,
            values_of=catalogue.values_of,
            diversity=request.diversity,
        )


def _weights(catalogue: Catalogue, boosts: Sequence[Boost], rows_P: NDArray[np.int32]) -> NDArray[np.float64]:
    """The product of the weights of all boosts that fit each item [P]."""
    weights_P = np.ones(len(rows_P))
    for boost in boosts:
        weights_P[catalogue.fits(boost.comparison, rows_P)] *= boost.weight
    return weights_P
