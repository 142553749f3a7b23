"""A query and a history to one list."""

# X items that are found, P items in their order, K places

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.domain.stages import timed
from models.recommend.question import Question
from models.recommend.ranker import Ranker
from models.recommend.search.ranks import HISTORY_WEIGHT, POPULARITY_WEIGHT, fused, reciprocal_ranks, words_first
from models.recommend.systems import Stage


class Found(NamedTuple):
    """Distinct items, and how well each answers the query."""

    rows_X: NDArray[np.int32]
    values_X: NDArray[np.float32]
    coverage_X: NDArray[np.float32]
    """What comes before everything else: how much of the query's words each has."""

    def where(self, kept_X: NDArray[np.bool_]) -> "Found":
        """Some of them."""
        return Found(self.rows_X[kept_X], self.values_X[kept_X], self.coverage_X[kept_X])


@dataclass(frozen=True, slots=True)
class Searcher:
    """Orders what a query found by the query and by what the shopper did; never lists anything else."""

    ranker: Ranker
    stage: Stage

    def listed(self, question: Question, found: Found, among: Found) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Places in `found` of the at most k that are listed, best first, and their scores.

        `found` may be listed; `among` is what the query finds when nothing is left out: ranks are counted in it.
        """
        if not len(found.rows_X):
            return np.empty(0, np.int64), np.empty(0, np.float32)
        wanted_X, wanted_among_X, weight = self._wanted(question, found.rows_X, among.rows_X)
        with timed("fuse"):
            ranks_X = fused(
                reciprocal_ranks(found.values_X, among.values_X), reciprocal_ranks(wanted_X, wanted_among_X), weight
            )
            scores_X = words_first(found.coverage_X, among.coverage_X, ranks_X)
            best_P = np.lexsort((found.rows_X, -found.values_X, -scores_X))
        features_ND = self.ranker.source.item_features_ND
        with timed("rerank"):
            places, scores_P = question.arrangement.arranged(
                found.rows_X[best_P], scores_X[best_P], question.k, lambda rows: features_ND[rows]
            )
        return best_P[places], scores_P[places]

    def _wanted(
        self, question: Question, rows_X: NDArray[np.int32], among_rows: NDArray[np.int32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], float]:
        """What this shopper would rather have, of both, and what that counts; without a history, what all would."""
        if len(question.history[0]) == 0 or self.stage == "popularity":
            shares_N = self.ranker.popular.shares_N
            return shares_N[rows_X], shares_N[among_rows], POPULARITY_WEIGHT
        values = self.ranker.values([question], np.concatenate([rows_X, among_rows]), self.stage)[0]
        # a stage may give an item no place at all: below everything else then
        worst = np.float32(values[np.isfinite(values)].min(initial=0.0) - 1.0)
        values = np.where(np.isfinite(values), values, worst)
        return values[: len(rows_X)], values[len(rows_X) :], HISTORY_WEIGHT


def handed_in(scored: Sequence[tuple[int, float]]) -> Found:
    """Rows of another search engine, in the order of its scores; of a row that was handed in twice, the higher counts.

    A value is the score's place from below, 0 for the lowest, and equal scores have one place: how far apart they are
    is that engine's own affair, and no 32 bits hold what it may be.
    """
    best: dict[int, float] = {}
    for row, score in scored:
        best[row] = max(score, best.get(row, score))
    _, places_X = np.unique(np.array(list(best.values()), np.float64), return_inverse=True)
    return Found(np.array(list(best), np.int32), places_X.astype(np.float32), np.zeros(len(best), np.float32))
