"""Candidates beyond the first ones, where a request leaves too few of those: what is left out is left out first."""

# S samples, D features, A allowed items, X rows

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.domain.item_rows import NO_ITEM
from models.domain.recommendation import Strategy
from models.recommend.candidates import CandidateSource, Wishes
from models.recommend.question import NOTHING, Question

PREFILTER_SHARE: Final = 0.2
"""Up to this share of the catalogue, all that is allowed is scored instead of asking an index to skip the rest. With
100,000 items of 128 numbers the two cost the same at a tenth for one sample and at three tenths for four
(benchmarks/filtered_recall.py); where inverted lists take over, few allowed items would lie in the lists visited."""


@dataclass(frozen=True, slots=True)
class FoundMore:
    """Allowed rows of one user that have no place yet, by who found them; no row is excluded or placed."""

    generated_rows: NDArray[np.int32]
    near_rows: NDArray[np.int32]
    strategy: Strategy
    scored_rows: NDArray[np.int32]
    """Items whose likeness to the wish was computed for this."""


def find_more(
    source: CandidateSource,
    wishes: Wishes,
    question: Question,
    placed_rows: NDArray[np.int32],
    num: int,
    *,
    exact: bool,
) -> FoundMore:
    """The `num` nearest allowed items of one user's generated wish (of each sample, through the index), and everything
    allowed that neighbours speak for.

    Together they hold the `num` best of all allowed items by any weighted sum of the two scores: an item of which no
    neighbour speaks can only be among them if it is among the nearest.
    """
    left_out = np.union1d(question.excluded_rows, placed_rows).astype(np.int32)
    spoken_for = wishes.scored_rows_BX[0]
    spoken_for = spoken_for[question.allows(spoken_for)]
    near = spoken_for[~np.isin(spoken_for, placed_rows)]
    num_items = source.index.num_items
    mask = question.mask
    if exact or (mask is not None and mask.count <= PREFILTER_SHARE * num_items):
        rows = np.arange(len(source.item_features_ND), dtype=np.int32) if mask is None else mask.rows()
        best = _best(source, wishes, rows[~np.isin(rows, left_out)], num)
        return FoundMore(best, near, "exact" if exact else "exact_prefilter", rows)
    samples_SD = np.ascontiguousarray(wishes.samples_BSD[0])
    fetch = min(num + len(left_out), num_items)
    found_SX, _ = source.index.search(samples_SD, fetch, None if mask is None else mask.allowed_N)
    kept_SX = np.where(np.isin(found_SX, left_out), NO_ITEM, found_SX)
    nearest = np.unique(np.concatenate([row_X[row_X != NO_ITEM][:num] for row_X in kept_SX])).astype(np.int32)
    return FoundMore(nearest, near, "ann", np.union1d(nearest, near))


def _best(source: CandidateSource, wishes: Wishes, rows_A: NDArray[np.int32], num: int) -> NDArray[np.int32]:
    """The `num` of these rows that the generator likes best."""
    if len(rows_A) <= num:
        return rows_A
    if not len(rows_A):
        return NOTHING
    liked_A = source.likelihood(wishes, source.item_features_ND[rows_A][None])[0]
    return np.sort(rows_A[np.argpartition(-liked_A, num - 1)[:num]])
