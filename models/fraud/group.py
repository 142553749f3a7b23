"""What the histories of a pool say together: many that share a little-bought item, and histories alike."""

# B histories, E events of all histories, P different (history, item) pairs, N items, X pairs of histories, G figures

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.data.sequences import Sequences
from models.fraud.reduce import means, smallest

GROUP: Final = (
    "growth_most",
    "growth_second",
    "growth_mean",
    "holders_suspicion_most",
    "holders_suspicion_second",
    "holders_suspicion_mean",
    "holders_steps_most",
    "holders_steps_second",
    "together_most",
    "together_second",
    "alike_most",
    "alike_histories",
    "alike_suspicion",
)
SMOOTHING: Final = 2.0
"""Holders' worth of the usual suspicion, so that one other holder does not make a group."""
MOST_HOLDERS: Final = 60
"""An item that more histories hold says little about which of them are alike, and costs their square."""
HISTORIES_PER_BLOCK: Final = 2_000
"""Whose pairs lie in memory at once: a file may hold a million histories."""
USUAL_STEP: Final = 1.0
"""The mean of -log of a percentile that is evenly spread."""


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """Of each history of a pool, and the item that speaks most against it."""

    figures_BG: NDArray[np.float32]
    item_B: NDArray[np.int32]
    holders_B: NDArray[np.int64]
    """Other histories of the pool with that item."""
    expected_B: NDArray[np.float32]
    """How many would be usual; NaN where nobody knows."""


def group_figures(
    pool: Sequences,
    suspicion_B: NDArray[np.float32],
    percentile_E: NDArray[np.float32],
    usual_N: NDArray[np.float32],
) -> GroupFigures:
    """Figures of each history among all; none says anything of a history by itself alone.

    Args:
        pool: no history is empty.
        suspicion_B: what each history's own behaviour says, as log odds.
        percentile_E: how plausible each step is.
        usual_N: how many histories of such a pool hold each item usually: never counted on the pool itself. NaN where
            nobody knows, as of an item that was launched since: how many hold it says nothing then.
    """
    histories_P, items_P, events_P = _different(pool)
    offsets_B1 = np.searchsorted(histories_P, np.arange(pool.num_users + 1)).astype(np.int64)
    held_N = np.bincount(items_P, minlength=len(usual_N))
    others_P = held_N[items_P] - 1
    usual_P = usual_N[items_P].astype(np.float64)
    growth_P = np.nan_to_num((others_P - usual_P) / np.sqrt(others_P + usual_P + 1.0))
    surprise_B = suspicion_B - np.median(suspicion_B)
    surprise_P = _of_others(surprise_B[histories_P], items_P, others_P)
    steps_P = _of_others(-np.log(percentile_E[events_P]) - USUAL_STEP, items_P, others_P)
    together_P = surprise_P * np.sqrt(others_P) + np.maximum(growth_P, 0.0)
    alike = _alike(histories_P, items_P, held_N, surprise_B)
    figures = [
        *_largest(growth_P, offsets_B1),
        means(growth_P, offsets_B1),
        *_largest(surprise_P, offsets_B1),
        means(surprise_P, offsets_B1),
        *_largest(steps_P, offsets_B1),
        *_largest(together_P, offsets_B1),
        *alike,
    ]
    most_P = _places_of_largest(together_P, histories_P, offsets_B1)
    return GroupFigures(
        figures_BG=np.stack(figures, axis=1).astype(np.float32),
        item_B=items_P[most_P].astype(np.int32),
        holders_B=others_P[most_P],
        expected_B=usual_N[items_P[most_P]],
    )


def _different(pool: Sequences) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Histories, items and events of the different pairs, by history: an item that comes twice is held once."""
    num_items = int(pool.item_rows_E.max(initial=0)) + 1
    keys_P, events_P = np.unique(pool.users_of_events_E() * num_items + pool.item_rows_E, return_index=True)
    return keys_P // num_items, keys_P % num_items, events_P


def _of_others(
    values_P: NDArray[np.float64] | NDArray[np.float32], items_P: NDArray[np.int64], others_P: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Mean over the other holders of each pair's item, drawn towards 0 where they are few."""
    total_N = np.bincount(items_P, weights=values_P)
    mean_P: NDArray[np.float64] = (total_N[items_P] - values_P) / (others_P + SMOOTHING)
    return mean_P


def _largest(values_P: NDArray[np.float64], offsets_B1: NDArray[np.int64]) -> list[NDArray[np.float64]]:
    return [-smallest(-values_P, offsets_B1, place, 0.0) for place in (0, 1)]


def _places_of_largest(
    values_P: NDArray[np.float64], histories_P: NDArray[np.int64], offsets_B1: NDArray[np.int64]
) -> NDArray[np.int64]:
    return np.lexsort((-values_P, histories_P))[offsets_B1[:-1]]


def _alike(
    histories_P: NDArray[np.int64],
    items_P: NDArray[np.int64],
    held_N: NDArray[np.int64],
    surprise_B: NDArray[np.float32],
) -> list[NDArray[np.float64]]:
    """Of the histories that share two items or more: the rarest such sharing, how many, and how suspicious they are."""
    num_histories = len(surprise_B)
    by_item = np.argsort(items_P, kind="stable")
    by_item = by_item[(held_N[items_P[by_item]] > 1) & (held_N[items_P[by_item]] <= MOST_HOLDERS)]
    holders, items = histories_P[by_item], items_P[by_item]
    starts = np.searchsorted(items, items)
    most_B, num_B, suspicion_B = np.zeros((3, num_histories))
    for first in range(0, num_histories, HISTORIES_PER_BLOCK):
        mine = np.flatnonzero((holders >= first) & (holders < first + HISTORIES_PER_BLOCK))
        # each of these holders beside every holder of the same item
        counts = held_N[items[mine]]
        first_X = np.repeat(mine, counts)
        second_X = np.arange(len(first_X)) + np.repeat(starts[mine] - np.cumsum(counts) + counts, counts)
        different_X = first_X != second_X
        first_X, second_X = first_X[different_X], second_X[different_X]
        keys, of_X, shared = np.unique(
            holders[first_X] * num_histories + holders[second_X], return_inverse=True, return_counts=True
        )
        rarity = np.bincount(of_X, weights=1.0 / np.log1p(held_N[items[first_X]]), minlength=len(keys))
        several = shared > 1
        one, other = keys[several] // num_histories, keys[several] % num_histories
        np.maximum.at(most_B, one, rarity[several])
        num_B += np.bincount(one, minlength=num_histories)
        suspicion_B += np.bincount(one, weights=surprise_B[other], minlength=num_histories)
    return [most_B, np.log1p(num_B), suspicion_B / (num_B + SMOOTHING)]
