"""Neighbours of items that nobody has taken yet: those alike by content, and what goes with them.

A new item gets the list that training would have given it, and a place in the lists of what it is alike, where it
counts for more than the last of those. What a list holds depends on the items alone, not on the order they came in.
"""

# N items of the bundle, A new items, B of them that are linked now, M neighbours, L borrowed, V voices, X entries

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.baselines.borrowed import BORROWED_PER_ITEM, LENDERS, LIKENESS_POWER
from models.baselines.content_neighbours import NUM_NEIGHBOURS
from models.baselines.neighbours import VOICES, Neighbours
from models.baselines.voices import CONTENT_POWER
from models.domain.item_rows import NO_ITEM

_CONTENT: Final = VOICES.index("content")
_BORROWED: Final = VOICES.index("borrowed")


@dataclass(frozen=True, slots=True)
class Entries:
    """Items that may stand in other items' lists."""

    of_X: NDArray[np.int32]
    """Whose list."""
    rows_X: NDArray[np.int32]
    voices_XV: NDArray[np.float32]

    @classmethod
    def joined(cls, *parts: "Entries") -> "Entries":
        """All of them."""
        return cls(
            np.concatenate([part.of_X for part in parts]),
            np.concatenate([part.rows_X for part in parts]),
            np.concatenate([part.voices_XV for part in parts]),
        )


@dataclass(frozen=True, slots=True)
class NearestOfBundle:
    """The items of the bundle that new ones are most alike, and what the new ones borrow from those."""

    rows_AM: NDArray[np.int32]
    """-1 beyond the last that is alike at all."""
    likeness_AM: NDArray[np.float32]
    lent_rows_AL: NDArray[np.int32]
    """What goes with the likest, -1 beyond the last."""
    lent_AL: NDArray[np.float32]
    """How strongly, as a voice."""

    @classmethod
    def none(cls) -> "NearestOfBundle":
        """Of no items."""
        rows, numbers = np.empty((0, 0), np.int32), np.empty((0, 0), np.float32)
        return cls(rows, numbers, rows, numbers)

    @classmethod
    def of(cls, likeness_AN: NDArray[np.float32], neighbours: Neighbours) -> "NearestOfBundle":
        """The `NUM_NEIGHBOURS` likest, best first, and what they lend; `neighbours` are the bundle's."""
        kept = min(NUM_NEIGHBOURS, likeness_AN.shape[1])
        best_AM = np.argpartition(-likeness_AN, kept - 1, axis=1)[:, :kept]
        order_AM = np.argsort(-np.take_along_axis(likeness_AN, best_AM, axis=1), axis=1, kind="stable")
        best_AM = np.take_along_axis(best_AM, order_AM, axis=1)
        values_AM = np.maximum(np.take_along_axis(likeness_AN, best_AM, axis=1), 0.0)
        rows_AM = np.where(values_AM > 0, best_AM, NO_ITEM).astype(np.int32)
        return cls(rows_AM, values_AM, *_lent(rows_AM, values_AM, neighbours))

    @classmethod
    def joined(cls, parts: "Sequence[NearestOfBundle]") -> "NearestOfBundle":
        """All of them, at least one."""
        return cls(*(np.concatenate(arrays) for arrays in zip(*(part.arrays for part in parts), strict=True)))

    @property
    def arrays(self) -> tuple[NDArray[Any], ...]:
        """In the order in which they make one."""
        return self.rows_AM, self.likeness_AM, self.lent_rows_AL, self.lent_AL

    @property
    def least_A(self) -> NDArray[np.float32]:
        """How alike another new item must be to be a neighbour too: as the last of the bundle's, 0 where all are."""
        return self.likeness_AM[:, -1]

    def take(self, places: NDArray[np.int64]) -> "NearestOfBundle":
        """Of some of the new items."""
        return NearestOfBundle(*(array[places] for array in self.arrays))

    def with_changed(self, places_B: NDArray[np.int64], new: "NearestOfBundle") -> "NearestOfBundle":
        """With those of the new in their places, some of which may lie beyond the last."""
        num_rows = max(len(self.rows_AM), int(places_B.max()) + 1)
        changed = []
        for old, values in zip(self.arrays, new.arrays, strict=True):
            array = np.empty((num_rows, values.shape[1]), values.dtype)
            if len(old):
                array[: len(old)] = old
            array[places_B] = values
            changed.append(array)
        return NearestOfBundle(*changed)


FindsNearest: TypeAlias = Callable[[NDArray[np.float16], NDArray[np.int32]], NearestOfBundle]
"""Of items with these texts and tags, each for itself."""


def entries_with_bundle(new_rows_B: NDArray[np.int32], nearest: NearestOfBundle, neighbours: Neighbours) -> Entries:
    """New items in the lists of what they are alike, and the other way round; with what they borrow from those."""
    places_B, ranks = np.nonzero(nearest.rows_AM != NO_ITEM)
    alike = nearest.rows_AM[places_B, ranks]
    voices_XV = _content_voices(nearest.likeness_AM[places_B, ranks], neighbours)
    own, theirs = new_rows_B[places_B], alike
    both = Entries(np.concatenate([own, theirs]), np.concatenate([theirs, own]), np.concatenate([voices_XV] * 2))
    places_B, ranks = np.nonzero(nearest.lent_rows_AL != NO_ITEM)
    lent_XV = np.zeros((len(places_B), len(VOICES)), np.float32)
    lent_XV[:, _BORROWED] = nearest.lent_AL[places_B, ranks]
    return Entries.joined(both, Entries(new_rows_B[places_B], nearest.lent_rows_AL[places_B, ranks], lent_XV))


def entries_among_new(
    of_rows_A: NDArray[np.int32],
    least_A: NDArray[np.float32],
    rows_B: NDArray[np.int32],
    likeness_AB: NDArray[np.float32],
    neighbours: Neighbours,
) -> Entries:
    """New items in the lists of other new ones: where they are at least as alike as the bundle's that stand there."""
    is_alike_AB = (likeness_AB >= least_A[:, None]) & (likeness_AB > 0) & (of_rows_A[:, None] != rows_B[None, :])
    places_A, places_B = np.nonzero(is_alike_AB)
    voices_XV = _content_voices(likeness_AB[places_A, places_B], neighbours)
    return Entries(of_rows_A[places_A], rows_B[places_B], voices_XV)


def with_entries(
    neighbours: Neighbours, entries: Entries, num_rows: int, num_old: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
    """The lists that change: whose they are [C], their rows [C, M] and voices [C, M, V].

    Each keeps its best M by the weighted sum of voices; of equals the lower row. Rows from `num_old` on have no list
    yet; all of them get one. What stands in a list already has a lower row than the new items among the entries.
    """
    entries, weights_X = _best_first(*_with_a_place(_merged(entries), neighbours, num_old))
    of_C = np.union1d(np.unique(entries.of_X), np.arange(num_old, num_rows)).astype(np.int32)
    has_list_C = of_C < num_old
    num_kept = int(neighbours.rows_NM.shape[1])
    rows_CM = np.full((len(of_C), num_kept), NO_ITEM, np.int32)
    voices_CMV = np.zeros((len(of_C), num_kept, len(VOICES)), np.float32)
    rows_CM[has_list_C] = neighbours.rows_NM[of_C[has_list_C]]
    voices_CMV[has_list_C] = neighbours.voices_NMV[of_C[has_list_C]]
    list_X = np.searchsorted(of_C, entries.of_X)
    weights_CM = neighbours.weighed(voices_CMV)
    # lists and entries are in order, so each moves by how many of the others come before it: nothing is sorted again
    before_X = (weights_CM[list_X] >= weights_X[:, None]).sum(axis=1)
    first_C = np.searchsorted(list_X, np.arange(len(of_C)))
    ranks_X = before_X + np.arange(len(list_X)) - first_C[list_X]
    came_CM = np.zeros((len(of_C), num_kept + 1), np.int32)
    np.add.at(came_CM, (list_X, before_X), 1)
    ranks_CM = np.arange(num_kept) + np.cumsum(came_CM[:, :-1], axis=1)
    moved_C, moved_M = np.nonzero((ranks_CM > np.arange(num_kept)) & (weights_CM > 0))
    moved = Entries(of_C[moved_C], rows_CM[moved_C, moved_M], voices_CMV[moved_C, moved_M])
    for lists, ranks, each in (
        (moved_C, ranks_CM[moved_C, moved_M], moved),
        (list_X, ranks_X, entries),
    ):
        kept = ranks < num_kept
        rows_CM[lists[kept], ranks[kept]] = each.rows_X[kept]
        voices_CMV[lists[kept], ranks[kept]] = each.voices_XV[kept]
    return of_C, rows_CM, voices_CMV


def _with_a_place(entries: Entries, neighbours: Neighbours, num_old: int) -> tuple[Entries, NDArray[np.float32]]:
    """The entries that count for more than the last of the list as it is, and their weights: of all a fifth."""
    weights_X = neighbours.weighed(entries.voices_XV)
    last_of_N = np.zeros(max(num_old, int(entries.of_X.max(initial=-1)) + 1), np.float32)
    old = np.unique(entries.of_X[entries.of_X < num_old])
    num_kept = neighbours.rows_NM.shape[1]
    if num_kept:  # nothing is alike in a shop of one item
        last_of_N[old] = neighbours.weighed(neighbours.voices_NMV[old, np.full(len(old), num_kept - 1)])
    has_place_X = weights_X > last_of_N[entries.of_X]
    return (
        Entries(entries.of_X[has_place_X], entries.rows_X[has_place_X], entries.voices_XV[has_place_X]),
        weights_X[has_place_X],
    )


def _best_first(entries: Entries, weights_X: NDArray[np.float32]) -> tuple[Entries, NDArray[np.float32]]:
    """The same list by list, in each as they are to stand there."""
    order_X = np.lexsort((entries.rows_X, -weights_X, entries.of_X))
    return Entries(entries.of_X[order_X], entries.rows_X[order_X], entries.voices_XV[order_X]), weights_X[order_X]


def _merged(entries: Entries) -> Entries:
    """One entry for each pair, with the highest of each voice."""
    pairs_X = entries.of_X.astype(np.int64) * 2**32 + entries.rows_X
    distinct, first_X, places_X = np.unique(pairs_X, return_index=True, return_inverse=True)
    voices_XV = entries.voices_XV[first_X]
    is_again_X = np.ones(len(pairs_X), np.bool_)
    is_again_X[first_X] = False
    # of the few pairs that come twice alone: for all of them it would be the slowest part
    np.maximum.at(voices_XV, places_X[is_again_X], entries.voices_XV[is_again_X])
    return Entries((distinct >> 32).astype(np.int32), (distinct & (2**32 - 1)).astype(np.int32), voices_XV)


def _content_voices(likeness_X: NDArray[np.float32], neighbours: Neighbours) -> NDArray[np.float32]:
    voices_XV = np.zeros((len(likeness_X), len(VOICES)), np.float32)
    voices_XV[:, _CONTENT] = likeness_X**CONTENT_POWER * neighbours.content_scale
    return voices_XV


def _lent(
    rows_AM: NDArray[np.int32], likeness_AM: NDArray[np.float32], neighbours: Neighbours
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """What goes with the likest of the bundle, by their share of the likeness; -1 and 0 beyond the last."""
    lent_rows_AL = np.full((len(rows_AM), BORROWED_PER_ITEM), NO_ITEM, np.int32)
    lent_AL = np.zeros(lent_rows_AL.shape, np.float32)
    if neighbours.weights_V[_BORROWED] <= 0:
        return lent_rows_AL, lent_AL
    for number, row_M in enumerate(rows_AM):
        lenders = row_M[:LENDERS]
        lenders = lenders[lenders != NO_ITEM]
        likeness = likeness_AM[number, : len(lenders)] ** LIKENESS_POWER
        shares = likeness / max(float(likeness.sum()), 1e-9)
        rows_LM, taken_LM = _taken(neighbours, lenders)
        lent, places = np.unique(rows_LM, return_inverse=True)
        totals = np.bincount(places.ravel(), weights=(taken_LM * shares[:, None]).ravel(), minlength=len(lent))
        best = np.argsort(-totals, kind="stable")[:BORROWED_PER_ITEM]
        best = best[(totals[best] > 0) & (lent[best] != NO_ITEM)]
        lent_rows_AL[number, : len(best)] = lent[best]
        lent_AL[number, : len(best)] = totals[best] * neighbours.borrowed_scale
    return lent_rows_AL, lent_AL


def _taken(neighbours: Neighbours, lenders: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Each lender's neighbours, and how strongly its own events speak for each: likeness is not lent on."""
    rows_LM = neighbours.rows_NM[lenders]
    weights_V = neighbours.weights_V * ~np.isin(np.arange(len(VOICES)), (_CONTENT, _BORROWED))
    taken_LM = (neighbours.voices_NMV[lenders] * weights_V).sum(axis=-1)
    return rows_LM, np.where(rows_LM == NO_ITEM, 0.0, taken_LM).astype(np.float32)
