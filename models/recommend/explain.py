"""Why a list is as it is: every event of the history left out in turn, in one pass of the networks."""

# L events that count, X items of the list, R events that are removed

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, islice
from math import comb
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.domain.events import EVENT_TYPES
from models.domain.explanation import ExplainedItem, Explanation, FirstPlace, Reason
from models.recommend.directions import directions
from models.recommend.fusion import as_score
from models.recommend.question import Question
from models.recommend.ranker import Ranker
from models.recommend.systems import Stage

MAX_REMOVED: Final = 10
"""Events that are removed at most in search of another first place."""
MAX_SETS: Final = 64
"""Sets of one size that are all tried: every single event of a history of 50, every pair of 11, every three of 8."""
_TRIED_AT_ONCE: Final = 8
"""Sets of one call: the likeliest are asked first, and most lists need no more."""
_BOUGHT: Final = tuple(EVENT_TYPES.index(name) for name in ("purchase", "add_to_cart", "click", "view"))
"""The strongest first."""


@dataclass(frozen=True, slots=True)
class Contributions:
    """What each event did for each item."""

    places_L: NDArray[np.int64]
    """Of the events among all of the history: the newest that the networks see, and older ones of the items asked
    about, because what was taken before counts for itself."""
    scores_X: NDArray[np.float32]
    contributions_LX: NDArray[np.float32]
    """How much lower the score of the item is without the event."""


@dataclass(frozen=True, slots=True)
class Changed:
    """Events without which another item is first."""

    places: Sequence[int]
    """Empty where none were found."""
    would_be_first: int | None
    num_tried: int


@dataclass(frozen=True, slots=True)
class Explainer:
    """Asks the ranker again with parts of the history left out."""

    ranker: Ranker
    stage: Stage

    def contributions(self, question: Question, rows_X: NDArray[np.int32]) -> Contributions:
        """Of every event that counts to the score of every item; without its only event an item has score 0."""
        rows_E, most = question.history[0], self.ranker.spec.max_history_events
        length, older = len(rows_E), max(0, len(rows_E) - most)
        of_listed = np.flatnonzero(np.isin(rows_E[:older], rows_X))[-most:] if not question.seen_left_out else ()
        places_L = np.concatenate([of_listed, np.arange(older, length)]).astype(np.int64)
        if length == 1:
            scores_X = as_score(self.ranker.values([question], rows_X, self.stage)[0])
            return Contributions(places_L, scores_X, scores_X[None])
        asked = [question, *(without(question, [place]) for place in places_L.tolist())]
        scores = as_score(self.ranker.values(asked, rows_X, self.stage, on_first_scale=True))
        return Contributions(places_L, scores[0], scores[0] - scores[1:])

    def change_of_first_place(self, question: Question, rows_X: NDArray[np.int32], said: Contributions) -> Changed:
        """The fewest events without which another item is first; `rows_X` is the list, best first.

        All sets of a size are tried while there are at most `MAX_SETS` of them, so that none smaller does. Of larger
        sizes, events that carry the first item more than its runner-up are removed one after the other, and each is put
        back that was not needed. `MAX_REMOVED` are removed at most. What was removed does not itself become first.
        """
        lead_L = said.contributions_LX[:, 0] - (said.contributions_LX[:, 1] if len(rows_X) > 1 else 0.0)
        strongest = said.places_L[np.argsort(-lead_L, kind="stable")].tolist()
        # a history is left over: without any event there is no order of this shopper's
        most, original = min(MAX_REMOVED, len(question.history[0]) - 1), int(rows_X[0])
        found = next(self._changing(question, _sets(strongest, most), original), None)
        if found is None:
            return Changed((), None, most)
        needed, first = self._needed(question, *found, original)
        return Changed(sorted(needed), first, most)

    def _changing(
        self, question: Question, removals: Iterator[list[int]], original: int
    ) -> Iterator[tuple[list[int], int]]:
        """Those of these removals that make another item first, and who it is."""
        while tried := list(islice(removals, _TRIED_AT_ONCE)):
            asked = [replace(without(question, places), k=1) for places in tried]
            for removed, ranked in zip(tried, self.ranker.rank(asked, self.stage), strict=True):
                if len(ranked.rows_K) and int(ranked.rows_K[0]) != original:
                    yield removed, int(ranked.rows_K[0])

    def _needed(self, question: Question, removed: list[int], first: int, original: int) -> tuple[list[int], int]:
        """The removed events without those that can be put back, and who is first then."""
        while len(removed) > 1:
            fewer = ([place for place in removed if place != back] for back in removed)
            found = next(self._changing(question, fewer, original), None)
            if found is None:
                break
            removed, first = found
        return removed, first

    def nearest_bought(self, question: Question, rows_X: NDArray[np.int32]) -> NDArray[np.int32]:
        """For each item the most alike item that was bought [X]; where none was, of the strongest events there are."""
        history_rows, event_types, _ = question.history
        for event_type in _BOUGHT:
            bought = np.unique(history_rows[event_types == event_type])
            if len(bought):
                break
        features_ND = self.ranker.source.item_features_ND
        cosines = directions(features_ND[rows_X]) @ directions(features_ND[bought]).T
        return np.asarray(bought[cosines.argmax(axis=1)], np.int32)


def explained(
    explainer: Explainer, question: Question, rows_X: NDArray[np.int32], item_ids: Sequence[str], *, full: bool
) -> Explanation:
    """The explanation of a list in item ids."""
    history_rows = question.history[0]
    if not len(history_rows) or explainer.stage == "popularity" or not len(rows_X):
        shares_X = explainer.ranker.popular.shares_N[rows_X]
        items = [
            ExplainedItem(item_ids[row], float(share), (), None, ("popularity",))
            for row, share in zip(rows_X, shares_X, strict=True)
        ]
        return Explanation(items, None)
    said = explainer.contributions(question, rows_X)
    nearest_X = explainer.nearest_bought(question, rows_X)
    pool = explainer.ranker.pool(question, explainer.stage)
    items = [
        ExplainedItem(
            item_id=item_ids[row],
            score=float(said.scores_X[number]),
            reasons=_reasons(said.places_L, said.contributions_LX[:, number], history_rows, item_ids),
            nearest_bought=item_ids[nearest_X[number]],
            sources=pool.sources_of(int(row)),
        )
        for number, row in enumerate(rows_X)
    ]
    if not full:
        return Explanation(items, None)
    changed = explainer.change_of_first_place(question, rows_X, said)
    would_be_first = None if changed.would_be_first is None else item_ids[changed.would_be_first]
    return Explanation(items, FirstPlace(list(changed.places), would_be_first, changed.num_tried))


def _sets(strongest: list[int], most: int) -> Iterator[list[int]]:
    """What to remove, the fewest events and of these the strongest first: all sets of a size while they are few."""
    for size in range(1, most + 1):
        if comb(len(strongest), size) > MAX_SETS:
            yield from (strongest[:number] for number in range(size, most + 1))
            return
        yield from (list(places) for places in combinations(strongest, size))


def _reasons(
    places_L: NDArray[np.int64],
    contributions_L: NDArray[np.float32],
    history_rows: NDArray[np.int32],
    item_ids: Sequence[str],
) -> list[Reason]:
    """The strongest first; of equals, the newest."""
    order = np.lexsort((-places_L, -contributions_L))
    return [
        Reason(int(places_L[place]), item_ids[history_rows[places_L[place]]], float(contributions_L[place]))
        for place in order
    ]


def without(question: Question, places: Sequence[int]) -> Question:
    """The question as if these events had not happened; what is left out of the list stays left out."""
    rows, event_types, timestamps = question.history
    kept = np.delete(np.arange(len(rows)), list(places))
    return replace(question, history=(rows[kept], event_types[kept], timestamps[kept]))
