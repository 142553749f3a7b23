"""What one history says of itself: how it is made up, and how plausible the networks find its steps."""

# B histories, E events of all histories, V voices, K comparisons, F figures, D features

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.baselines.item_facts import ItemFacts
from models.data.sequences import Sequences
from models.domain.events import EVENT_TYPES
from models.domain.layered_rows import Rows
from models.fraud.reduce import deviations, distinct, means, smallest
from models.fraud.steps import COMPARISONS, VOICES

RARE: Final = float(-np.log(0.8))
"""Of an item that sells no better than the worst fifth, in the units of `ranked_sales`."""
PLAIN: Final = (
    "log_events",
    *(f"sales_rank_{figure}" for figure in ("mean", "deviation", "least", "second_least", "most")),
    "rare_share",
    "different_items",
    "different_brands",
    *(f"different_categories_{level}" for level in ("first", "second", "deepest")),
    "purchase_share",
    "log_gap_mean",
    "log_gap_deviation",
    "log_gap_least",
    "gap_known",
)
"""Counts and times, whatever a network says."""
STEP_FIGURES: Final = ("mean", "deviation", "least", "second_least", "most")
PLAUSIBILITY: Final = tuple(
    f"{voice}_{comparison}_{figure}" for voice in VOICES for comparison in COMPARISONS for figure in STEP_FIGURES
)
REASONS: Final = ("generator", "neighbours", "text")
"""Voices that may each give a reason for a step; the critic of a small pair hardly knows one item from another."""
POOLED: Final = tuple(
    f"{pooled}_{comparison}_{figure}"
    for pooled in ("reasons_mean", "reasons_most")
    for comparison in COMPARISONS
    for figure in STEP_FIGURES
)
"""Of the log odds of a step's percentiles: their mean over all `REASONS`, and the best of them."""
CLOSENESS: Final = tuple(f"closeness_{figure}" for figure in STEP_FIGURES)
"""Of each item's feature to the others' of the history."""
BEHAVIOUR: Final = PLAIN + PLAUSIBILITY + CLOSENESS + POOLED


def behaviour_figures(
    histories: Sequences,
    percentiles_EVK: NDArray[np.float32],
    facts: ItemFacts,
    sales_N: NDArray[np.float32],
    item_features_ND: Rows,
) -> NDArray[np.float32]:
    """[B, len(BEHAVIOUR)]; no history is empty. `sales_N` is as `ranked_sales` gives it."""
    offsets_B1 = histories.offsets_U1
    steps = [
        column
        for voice in range(len(VOICES))
        for comparison in range(len(COMPARISONS))
        for column in _step_figures(percentiles_EVK[:, voice, comparison], offsets_B1)
    ]
    closeness = _step_figures(_closeness(histories, item_features_ND), offsets_B1)
    pooled = _pooled(percentiles_EVK, offsets_B1)
    figures_BF = np.stack([*_plain(histories, facts, sales_N), *steps, *closeness, *pooled], axis=1).astype(np.float32)
    assert figures_BF.shape[1] == len(BEHAVIOUR)
    return figures_BF


def _pooled(percentiles_EVK: NDArray[np.float32], offsets_B1: NDArray[np.int64]) -> list[NDArray[np.float64]]:
    """A shopper has one reason or another for each step; who draws items has none, and who copies reasons has all."""
    percentiles_EVK = percentiles_EVK[:, [VOICES.index(voice) for voice in REASONS]]
    log_odds_EVK = np.log(percentiles_EVK / (1.0 - percentiles_EVK))  # neither 0 nor 1: `StepScorer.percentiles`
    return [
        column
        for pooled_EK in (log_odds_EVK.mean(axis=1), log_odds_EVK.max(axis=1))
        for comparison in range(len(COMPARISONS))
        for column in _step_figures(pooled_EK[:, comparison], offsets_B1)
    ]


def _step_figures(values_E: NDArray[np.float32], offsets_B1: NDArray[np.int64]) -> list[NDArray[np.float64]]:
    return [
        means(values_E, offsets_B1),
        deviations(values_E, offsets_B1),
        smallest(values_E, offsets_B1, 0, 1.0),
        smallest(values_E, offsets_B1, 1, 1.0),
        -smallest(-values_E, offsets_B1, 0, -1.0),
    ]


def _plain(histories: Sequences, facts: ItemFacts, sales_N: NDArray[np.float32]) -> list[NDArray[np.float64]]:
    offsets_B1, rows_E = histories.offsets_U1, histories.item_rows_E
    lengths_B = np.maximum(histories.lengths_U, 1)
    sales_E = sales_N[rows_E]
    category_EP = facts.category_NP[rows_E]
    levels = category_EP.shape[1]
    deepest_E = category_EP.max(axis=1) if levels else np.zeros(len(rows_E), np.int32)
    level_E = [category_EP[:, level] if level < levels else deepest_E for level in range(2)]
    purchase = EVENT_TYPES.index("purchase")
    return [
        np.log(lengths_B),
        *_step_figures(sales_E, offsets_B1),
        means((sales_E <= RARE).astype(np.float32), offsets_B1),
        distinct(rows_E, offsets_B1) / lengths_B,
        *(distinct(each, offsets_B1) / lengths_B for each in (facts.brand_N[rows_E], *level_E, deepest_E)),
        means((histories.event_types_E == purchase).astype(np.float32), offsets_B1),
        *_gaps(histories),
    ]


def _gaps(histories: Sequences) -> list[NDArray[np.float64]]:
    """Log seconds between events: mean, deviation, least, and 1 where times are known."""
    times_E, offsets_B1 = histories.timestamps_E, histories.offsets_U1
    known_E = times_E >= 0
    is_first_E = np.zeros(len(times_E), np.bool_)
    is_first_E[offsets_B1[:-1][histories.lengths_U > 0]] = True
    gaps_E = np.maximum(np.diff(times_E, prepend=times_E[:1]), 0)
    counts_E = known_E & np.roll(known_E, 1) & ~is_first_E
    kept = np.concatenate([[0], np.cumsum(counts_E)])[offsets_B1]
    log_X = np.log1p(gaps_E[counts_E]).astype(np.float32)
    return [
        means(log_X, kept),
        deviations(log_X, kept),
        smallest(log_X, kept, 0, 0.0),
        (np.diff(kept) > 0).astype(np.float64),
    ]


def _closeness(histories: Sequences, item_features_ND: Rows) -> NDArray[np.float32]:
    """Cosine [E] of each item's feature and the sum of the others'."""
    features_ED = item_features_ND[histories.item_rows_E]
    directions_ED = features_ED / np.maximum(np.linalg.norm(features_ED, axis=1, keepdims=True), 1e-9)
    lengths_B = histories.lengths_U
    summed_ED = np.repeat(means(directions_ED, histories.offsets_U1) * lengths_B[:, None], lengths_B, axis=0)
    others_ED = summed_ED - directions_ED
    cosine_E = (directions_ED * others_ED).sum(axis=1) / np.maximum(np.linalg.norm(others_ED, axis=1), 1e-9)
    return np.asarray(cosine_E, np.float32)
