"""What speaks for and against each candidate: the one path for training the judge and for serving it."""

# B users, L events, H events that count, C candidates, V voices, F pieces of evidence, P category levels

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.baselines.item_facts import UNKNOWN, ItemFacts
from models.baselines.neighbours import VOICES, Contributions, Neighbours, gather
from models.domain.item_rows import NO_ITEM
from models.domain.layered_rows import Rows
from models.features.histories import HistoryBatch
from models.features.taken import TAKEN_EVIDENCE

_REDUCTIONS: Final = ("last", "recent", "all", "strongest")
PAIR_EVIDENCE: Final = (
    *(f"{voice}_{reduction}" for reduction in _REDUCTIONS for voice in VOICES),
    "neighbours_share",
    "neighbours_rank",
    "events",
    "events_against_history",
    "late_share",
    "repeat_share",
    "brand_of_last",
    "brand_recent",
    "category_of_last",
    "category_recent",
    "category_nearest",
    "history_length",
    "history_variety",
    *TAKEN_EVIDENCE,
)
"""Of a history and a candidate, whatever the generator says."""
GENERATOR_EVIDENCE: Final = (
    "generator",
    "generator_below_best",
    "generator_share",
    "generator_rank",
    "critic",
    "feature_of_last",
    "feature_recent",
)
"""Of the generator's and the critic's scores, and of the features that the index searches."""
EVIDENCE: Final = PAIR_EVIDENCE + GENERATOR_EVIDENCE
NUM_RANKED: Final = 100
"""Places further down say the same: not listed."""


@dataclass(frozen=True, slots=True)
class ScoresOfCandidates:
    """The networks' scores of the candidates that are judged."""

    generator_BC: NDArray[np.float32]
    generator_best_BX: NDArray[np.float32]
    """The generator's `NUM_RANKED` highest scores of all items, best first."""
    generator_standard_BC: NDArray[np.float32]
    critic_standard_BC: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class OwnEvents:
    """A training shopper's own later events, to be taken out of what all shoppers' events say."""

    pairs: Contributions
    rows_BX: NDArray[np.int32]
    """Items of the later events, -1 beyond the last."""
    lateness_BX: NDArray[np.float32]
    is_repeat_BX: NDArray[np.bool_]


def pair_evidence(
    history: HistoryBatch,
    rows_BC: NDArray[np.int32],
    best_BX: NDArray[np.float32],
    neighbours: Neighbours,
    facts: ItemFacts,
    own: OwnEvents | None = None,
) -> NDArray[np.float32]:
    """Evidence [B, C, len(PAIR_EVIDENCE)]; candidates ascend in each row, then -1, whose evidence means nothing.

    `best_BX` are the neighbours' highest scores of all items, best first: share and rank are taken against them, so
    that what is left out of the candidates does not change what is said of the others.
    """
    history_BL = history.item_rows_BL
    said = neighbours.contributions(history_BL)
    if own is not None:
        said = said.minus(own.pairs)
    said = said.weighted(neighbours.interest(history.event_types_BL))
    recent_BH = neighbours.recent(history_BL)
    weights_H = neighbours.age_weights(recent_BH.shape[1])
    voices_BHCV = np.maximum(gather(said, rows_BC, recent_BH.shape[1], neighbours.num_items), 0.0)
    recent_BCV = np.einsum("bhcv,h->bcv", voices_BHCV, weights_H)
    score_BC = neighbours.weighed(recent_BCV)
    pieces = [
        np.sqrt(voices_BHCV[:, -1]),
        np.sqrt(recent_BCV),
        np.sqrt(voices_BHCV.sum(axis=1)),
        np.sqrt(voices_BHCV.max(axis=1)),
        (score_BC / np.maximum(best_BX[:, :1], 1e-9))[..., None],
        log_rank(score_BC, best_BX)[..., None],
        _sales(history_BL, rows_BC, facts, own),
        _likeness(recent_BH, rows_BC, facts, weights_H),
        _history(history_BL, rows_BC.shape),
        np.zeros((*rows_BC.shape, len(TAKEN_EVIDENCE)))
        if history.taken is None
        else history.taken.evidence_of(rows_BC),
    ]
    evidence_BCF = np.concatenate(pieces, axis=2, dtype=np.float32)
    assert evidence_BCF.shape[2] == len(PAIR_EVIDENCE)
    return evidence_BCF


def generator_evidence(
    history: HistoryBatch,
    rows_BC: NDArray[np.int32],
    scores: ScoresOfCandidates,
    neighbours: Neighbours,
    item_features_ND: Rows,
) -> NDArray[np.float32]:
    """Evidence [B, C, len(GENERATOR_EVIDENCE)]."""
    recent_BH = neighbours.recent(history.item_rows_BL)
    features_BHD, features_BCD = item_features_ND[recent_BH], item_features_ND[rows_BC]
    of_history_BHD = features_BHD * ((recent_BH != NO_ITEM) / _lengths(features_BHD))[..., None].astype(np.float32)
    # products first: to divide so many features by their lengths would take longer than all the rest
    alike_BHC = of_history_BHD @ features_BCD.transpose(0, 2, 1) / _lengths(features_BCD)[:, None]
    weights_H = neighbours.age_weights(recent_BH.shape[1])
    weights_BH = weights_H * (recent_BH != NO_ITEM)
    weights_BH = weights_BH / np.maximum(weights_BH.sum(axis=1, keepdims=True), 1e-9)
    best_BX = scores.generator_best_BX
    top_B1 = best_BX[:, :1]
    mass_B1 = np.exp(best_BX - top_B1).sum(axis=1, keepdims=True)
    below_BC = scores.generator_BC - top_B1
    better_BC = _num_above(best_BX, scores.generator_BC + 1e-5)
    pieces = (
        scores.generator_standard_BC,
        below_BC,
        np.exp(np.minimum(below_BC, 0.0)) / mass_B1,
        np.log1p(better_BC),
        scores.critic_standard_BC,
        alike_BHC[:, -1],
        np.einsum("bhc,bh->bc", alike_BHC, weights_BH),
    )
    return np.stack(pieces, axis=2).astype(np.float32)


def _lengths(features_BXD: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths_BX = np.sqrt(np.einsum("bxd,bxd->bx", features_BXD, features_BXD))
    return np.asarray(np.maximum(lengths_BX, np.float32(1e-9)), np.float32)


def log_rank(score_BC: NDArray[np.float32], best_BX: NDArray[np.float32]) -> NDArray[np.float32]:
    """log(1 + number of better scores) among the `NUM_RANKED` best, which stand best first; equals share a place."""
    best_BX = best_BX[:, :NUM_RANKED]
    # in relative steps: the same sum in another order must not lose its place
    better_BC = _num_above(best_BX, score_BC * (1 + 1e-5) + 1e-9)
    return np.asarray(np.log1p(better_BC), np.float32)


def _num_above(best_BX: NDArray[np.float32], score_BC: NDArray[np.float32]) -> NDArray[np.float32]:
    """How many of the best, at most `NUM_RANKED`, are above each score [B, C]."""
    assert best_BX.shape[1] < 256
    above_BCX = best_BX[:, None, :] > score_BC[:, :, None]
    # in bytes, because wider sums take five times as long
    return np.asarray(above_BCX.sum(axis=2, dtype=np.uint8), np.float32)


def _sales(
    history_BL: NDArray[np.int32], rows_BC: NDArray[np.int32], facts: ItemFacts, own: OwnEvents | None
) -> NDArray[np.float32]:
    """How much, how lately and how repeatedly the candidate sells, and how that fits what the shopper takes."""
    events_BC, late_BC, repeats_BC = (each[rows_BC] for each in (facts.events_N, facts.late_N, facts.repeats_N))
    if own is not None:
        same_BCX = (rows_BC[:, :, None] == own.rows_BX[:, None, :]) & (rows_BC != NO_ITEM)[:, :, None]
        events_BC = np.maximum(events_BC - same_BCX.sum(axis=2), 0.0)
        late_BC = np.maximum(late_BC - (same_BCX * own.lateness_BX[:, None, :]).sum(axis=2), 0.0)
        repeats_BC = np.maximum(repeats_BC - (same_BCX & own.is_repeat_BX[:, None, :]).sum(axis=2), 0.0)
    log_BC = np.log1p(events_BC)
    present_BL = history_BL != NO_ITEM
    log_BL = np.log1p(facts.events_N[history_BL]) * present_BL
    usual_B1 = log_BL.sum(axis=1, keepdims=True) / np.maximum(present_BL.sum(axis=1, keepdims=True), 1)
    # three events' worth of the usual share, so that one late event does not make a trend
    late_share_BC = (late_BC + 1.0) / (events_BC + 3.0)
    return np.stack([log_BC, log_BC - usual_B1, late_share_BC, repeats_BC / (events_BC + 3.0)], axis=2)


def _likeness(
    recent_BH: NDArray[np.int32], rows_BC: NDArray[np.int32], facts: ItemFacts, weights_H: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Same brand, and how many category levels are shared, with the last and with the recent events."""
    present_BH = recent_BH != NO_ITEM
    weights_BH = weights_H * present_BH
    weights_BH = weights_BH / np.maximum(weights_BH.sum(axis=1, keepdims=True), 1e-9)
    brand_BH, brand_BC = facts.brand_N[recent_BH], facts.brand_N[rows_BC]
    same_BHC = (brand_BH[:, :, None] == brand_BC[:, None, :]) & (brand_BH != UNKNOWN)[:, :, None]
    same_BHC &= present_BH[:, :, None]
    levels = facts.category_NP.shape[1]
    num_shared_BHC = np.zeros(same_BHC.shape, np.uint8)
    for level in range(levels):
        of_history_BH, of_candidates_BC = facts.category_NP[recent_BH, level], facts.category_NP[rows_BC, level]
        known_BH = (of_history_BH != UNKNOWN) & present_BH
        num_shared_BHC += (of_history_BH[:, :, None] == of_candidates_BC[:, None, :]) & known_BH[:, :, None]
    shared_BHC = num_shared_BHC / np.float32(levels)
    return np.stack(
        [
            same_BHC[:, -1],
            np.einsum("bhc,bh->bc", same_BHC, weights_BH),
            shared_BHC[:, -1],
            np.einsum("bhc,bh->bc", shared_BHC, weights_BH),
            shared_BHC.max(axis=1),
        ],
        axis=2,
    ).astype(np.float32)


def _history(history_BL: NDArray[np.int32], shape_BC: tuple[int, int]) -> NDArray[np.float32]:
    """Length and variety of the history."""
    lengths_B = (history_BL != NO_ITEM).sum(axis=1)
    sorted_BL = np.sort(history_BL, axis=1)
    new_BL = (np.diff(sorted_BL, axis=1, prepend=NO_ITEM) != 0) & (sorted_BL != NO_ITEM)
    variety_B = new_BL.sum(axis=1) / np.maximum(lengths_B, 1)
    of_history_B2 = np.stack([np.log1p(lengths_B), variety_B], axis=1).astype(np.float32)
    return np.broadcast_to(of_history_B2[:, None], (*shape_BC, 2))
