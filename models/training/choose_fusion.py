"""Which weights order the list best: a small grid on validation events."""

# B users, C candidates, K places

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.data.split import EvaluationCases
from models.domain.item_rows import NO_ITEM
from models.domain.progress import Progress
from models.metrics.ranking import hits, ndcg
from models.recommend.fusion import FusionWeights
from models.recommend.ranker import Ranker

NEIGHBOUR_WEIGHTS: Final = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
MAX_CASES: Final = 4_096
CASES_PER_CALL: Final = 256
LIST_LENGTH: Final = 10
UNTUNED: Final = FusionWeights(neighbours=2.0)
"""Where no event is held out, nothing can be chosen: the middle of what was chosen elsewhere."""


def choose_fusion(
    ranker: Ranker, cases: EvaluationCases, *, exclude_seen: bool, seed: int, progress: Progress
) -> tuple[FusionWeights, dict[str, float]]:
    """The weights with the best NDCG@10 on validation, and each one's NDCG@10 for the record.

    The simplest wins a tie: smaller weights are tried first and later ones must be strictly better.
    """
    known = np.flatnonzero(cases.histories.lengths_U > 0)
    if len(known) == 0:
        return UNTUNED, {}
    if len(known) > MAX_CASES:
        known = np.sort(np.random.default_rng(seed).choice(known, MAX_CASES, replace=False))
    totals = np.zeros(len(NEIGHBOUR_WEIGHTS))
    progress.start("choosing the neighbours' weight", total=len(known))
    for start in range(0, len(known), CASES_PER_CALL):
        users = known[start : start + CASES_PER_CALL]
        questions = [ranker.best_guess(cases.histories, int(user), LIST_LENGTH, exclude_seen) for user in users]
        proposal = ranker.propose(questions)
        for number, weight in enumerate(NEIGHBOUR_WEIGHTS):
            totals[number] += _sum_of_ndcg(
                proposal.candidates.rows_BC, proposal.fused(FusionWeights(weight)), cases, users
            )
        progress.advance(len(users))
    means = totals / len(known)
    best = NEIGHBOUR_WEIGHTS[int(np.argmax(means))]
    progress.finish(f"{best:g}: validation NDCG@10 {means.max():.4f}")
    record = {f"neighbours={w:g}": round(float(mean), 5) for w, mean in zip(NEIGHBOUR_WEIGHTS, means, strict=True)}
    return FusionWeights(neighbours=best), record


def _sum_of_ndcg(
    rows_BC: NDArray[np.int32], fused_BC: NDArray[np.float32], cases: EvaluationCases, users: NDArray[np.int64]
) -> float:
    best_BK = np.argsort(-fused_BC, axis=1, kind="stable")[:, :LIST_LENGTH]
    scores_BK = np.take_along_axis(fused_BC, best_BK, axis=1)
    listed_BK = np.where(np.isfinite(scores_BK), np.take_along_axis(rows_BC, best_BK, axis=1), NO_ITEM)
    targets = [cases.targets_of(int(user)) for user in users]
    offsets_B1 = np.concatenate([[0], np.cumsum([len(each) for each in targets])])
    hits_BK = hits(listed_BK, scores_BK, offsets_B1, np.concatenate(targets))
    return float(ndcg(hits_BK, np.diff(offsets_B1), LIST_LENGTH).sum())
