"""The judge at work: evidence on the shortlist, and its verdict as an order of the list."""

# B users, C candidates, S shortlisted, F pieces of evidence

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.baselines.item_facts import ItemFacts
from models.baselines.neighbours import Neighbours
from models.domain.item_rows import NO_ITEM
from models.features.histories import HistoryBatch
from models.recommend.candidates import Candidates, RunsNetwork
from models.recommend.evidence import ScoresOfCandidates, generator_evidence, pair_evidence
from models.recommend.fusion import StandardScores

SHORTLIST_LENGTH: Final = 200
"""Candidates that are judged; what stands below them in the fused order stays below them."""


@dataclass(frozen=True, slots=True)
class Shortlist:
    """The best of the candidates by the fused order, and all that is known about them."""

    columns_BS: NDArray[np.int64]
    """Which candidates; ascending, so that rows ascend as well."""
    present_BS: NDArray[np.bool_]
    rows_BS: NDArray[np.int32]
    """Item rows, -1 where fewer than S candidates are allowed."""
    evidence_BSF: NDArray[np.float32]


def make_shortlist(
    history: HistoryBatch,
    candidates: Candidates,
    scores: StandardScores,
    fused_BC: NDArray[np.float32],
    *,
    neighbours: Neighbours,
    facts: ItemFacts,
    item_features_ND: NDArray[np.float32],
) -> Shortlist:
    """The `SHORTLIST_LENGTH` best by `fused_BC`, which is -inf where a candidate must not be judged."""
    num_candidates = fused_BC.shape[1]
    kept = min(SHORTLIST_LENGTH, num_candidates)
    best_BS = np.argpartition(-fused_BC, kept - 1, axis=1)[:, :kept]
    # ascending, with the absent ones at the end
    is_absent_BS = np.isneginf(np.take_along_axis(fused_BC, best_BS, axis=1))
    is_absent_BS, columns_BS = np.divmod(np.sort(best_BS + num_candidates * is_absent_BS, axis=1), num_candidates)
    present_BS = is_absent_BS == 0

    def shortlisted(values_BC: NDArray[Any]) -> NDArray[Any]:
        return np.take_along_axis(values_BC, columns_BS, axis=1)

    rows_BS = np.where(present_BS, shortlisted(candidates.rows_BC), NO_ITEM)
    networks_scores = ScoresOfCandidates(
        generator_BC=shortlisted(candidates.generator_BC),
        generator_best_BX=scores.generator_best_BX,
        generator_standard_BC=shortlisted(scores.generator_BC),
        critic_standard_BC=shortlisted(scores.critic_BC),
    )
    evidence_BSF = np.concatenate(
        [
            pair_evidence(history, rows_BS, candidates.neighbours_best_BX, neighbours, facts),
            generator_evidence(history, rows_BS, networks_scores, neighbours, item_features_ND),
        ],
        axis=2,
    )
    return Shortlist(columns_BS, present_BS, rows_BS, evidence_BSF)


def judged_order(shortlist: Shortlist, fused_BC: NDArray[np.float32], judge: RunsNetwork) -> NDArray[np.float32]:
    """Values [B, C] to order by: the judge's logits, standardised, on the shortlist; the others below, as fused."""
    present_BS = shortlist.present_BS
    logits_BS = judge({"evidence": shortlist.evidence_BSF, "present": present_BS})
    count_B1 = np.maximum(present_BS.sum(axis=1, keepdims=True), 1)
    mean_B1 = np.where(present_BS, logits_BS, 0.0).sum(axis=1, keepdims=True) / count_B1
    variance_B1 = np.where(present_BS, (logits_BS - mean_B1) ** 2, 0.0).sum(axis=1, keepdims=True) / count_B1
    standard_BS = np.where(present_BS, (logits_BS - mean_B1) / np.sqrt(variance_B1 + 1e-6), np.inf)
    lowest_B1 = np.where(np.isfinite(standard_BS), standard_BS, 0.0).min(axis=1, keepdims=True)
    top_B1 = np.where(np.isfinite(fused_BC), fused_BC, -np.inf).max(axis=1, keepdims=True)
    values_BC = fused_BC - np.where(np.isfinite(top_B1), top_B1, 0.0) + lowest_B1 - 1.0
    np.put_along_axis(values_BC, shortlist.columns_BS, np.where(present_BS, standard_BS, -np.inf), axis=1)
    return np.asarray(values_BC, np.float32)
