"""The judge at work: evidence on the shortlist, and its verdict as an order of the list."""

# B users, C candidates, S shortlisted, F pieces of evidence

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.baselines.item_facts import ItemFacts
from models.baselines.neighbours import Neighbours
from models.domain.item_rows import NO_ITEM
from models.domain.layered_rows import Rows
from models.features.histories import HistoryBatch
from models.recommend.candidates import Candidates, RunsNetwork
from models.recommend.evidence import ScoresOfCandidates, generator_evidence, pair_evidence
from models.recommend.fusion import StandardScores

SHORTLIST_LENGTH: Final = 200
"""Most candidates of the first block: all that two sources propose."""
LEAST_DEVIATION: Final = 0.1
"""Of a first block's verdicts, for the verdicts below it: a block of one has none."""


@dataclass(frozen=True, slots=True)
class Shortlist:
    """The best of the candidates by the fused order, and all that is known about them."""

    columns_BS: NDArray[np.int64]
    """Which candidates; ascending, so that rows ascend as well."""
    present_BS: NDArray[np.bool_]
    rows_BS: NDArray[np.int32]
    """Item rows, -1 where fewer than S candidates are allowed."""
    evidence_BSF: NDArray[np.float32]
    fused_BS: NDArray[np.float32]
    """What the sources say of each; -inf where there is none."""


def make_shortlist(
    history: HistoryBatch,
    candidates: Candidates,
    scores: StandardScores,
    fused_BC: NDArray[np.float32],
    *,
    neighbours: Neighbours,
    facts: ItemFacts,
    item_features_ND: Rows,
    length: int = SHORTLIST_LENGTH,
) -> Shortlist:
    """The `length` best by `fused_BC`, which is -inf where a candidate must not be judged."""
    num_candidates = fused_BC.shape[1]
    kept = min(length, num_candidates)
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
    return Shortlist(columns_BS, present_BS, rows_BS, evidence_BSF, shortlisted(fused_BC))


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What the judge says of first blocks, and the scale that its logits give."""

    values_BS: NDArray[np.float32]
    """The mean of logits and, by its weight, of what the sources say, both in deviations from their block's mean.

    -inf where no candidate is present.
    """
    mean_B1: NDArray[np.float32]
    deviation_B1: NDArray[np.float32]
    lowest_B1: NDArray[np.float32]
    """The last of each block."""


def judge_first(shortlist: Shortlist, judge: RunsNetwork, beside: float) -> Verdicts:
    """What the judge says of first blocks; `beside` it the sources have a say of this weight."""
    present_BS = shortlist.present_BS
    logits_BS = judge({"evidence": shortlist.evidence_BSF, "present": present_BS})
    values_BS, mean_B1, variance_B1 = _standardised(logits_BS, present_BS)
    if beside:
        said_BS, *_ = _standardised(shortlist.fused_BS, present_BS)
        values_BS = np.asarray((values_BS + beside * said_BS) / (1.0 + beside), np.float32)
    lowest_B1 = np.where(present_BS, values_BS, 0.0).min(axis=1, keepdims=True)
    deviation_B1 = np.maximum(np.sqrt(variance_B1), LEAST_DEVIATION)
    return Verdicts(np.where(present_BS, values_BS, -np.inf).astype(np.float32), mean_B1, deviation_B1, lowest_B1)


def _standardised(
    values_BS: NDArray[np.float32], present_BS: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Values in deviations from their block's mean, 0 where no candidate is present; and mean and variance [B, 1]."""
    count_B1 = np.maximum(present_BS.sum(axis=1, keepdims=True), 1)
    mean_B1 = np.where(present_BS, values_BS, 0.0).sum(axis=1, keepdims=True) / count_B1
    apart_BS = np.where(present_BS, values_BS - mean_B1, 0.0)
    variance_B1 = (apart_BS**2).sum(axis=1, keepdims=True) / count_B1
    return apart_BS / np.sqrt(variance_B1 + 1e-6), mean_B1, variance_B1


def judge_below(
    first: Shortlist, verdicts: Verdicts, users: slice, others: Shortlist, judge: RunsNetwork
) -> NDArray[np.float32]:
    """Values [B, S] of some users' other candidates: by the judge's verdict, and all below their first block.

    The judge reads each in the company of the first block alone, so that no value depends on what else is asked about.
    """
    evidence_BXF = np.concatenate([first.evidence_BSF[users], others.evidence_BSF], axis=1)
    present_BX = np.concatenate([first.present_BS[users], np.zeros_like(others.present_BS)], axis=1)
    logits_BS = judge({"evidence": evidence_BXF, "present": present_BX})[:, first.present_BS.shape[1] :]
    standard_BS = (logits_BS - verdicts.mean_B1[users]) / verdicts.deviation_B1[users]
    return np.where(others.present_BS, below(verdicts.lowest_B1[users], standard_BS), -np.inf).astype(np.float32)


def below(lowest_B1: NDArray[np.float32], values_BC: NDArray[np.float32]) -> NDArray[np.float32]:
    """The values, in their order, between two and one below the lowest: not so near the ends that two round to one."""
    squeezed_BC = values_BC / (1.0 + np.abs(values_BC))
    return np.asarray(lowest_B1 - 1.5 + 0.5 * squeezed_BC, np.float32)
