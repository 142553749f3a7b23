"""Which weights order the list best: a small grid on validation events."""

# B users, C candidates, K places

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.data.split import EvaluationCases
from models.domain.item_rows import NO_ITEM
from models.domain.progress import Progress
from models.recommend.fusion import FusionWeights
from models.recommend.judging import judge_first
from models.recommend.proposal import Proposal
from models.recommend.proposals import Proposals
from models.recommend.ranker import Ranker
from models.training.found import LIST_LENGTH, PLACES_ASKED, found_next

NEIGHBOUR_WEIGHTS: Final = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
TAKEN_WEIGHTS: Final = (0.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)
"""Tried where items of the history are listed again."""
MAX_CASES: Final = 16_384
"""Weights move few lists: by a quarter of these cases each of them is the best now and then, and the choice a draw."""
CASES_PER_CALL: Final = 256
BESIDE_JUDGE: Final = (0.0, 0.1, 0.2, 0.3, 0.5)
UNTUNED: Final = FusionWeights(neighbours=2.0)
"""Where no event is held out, nothing can be chosen: the middle of what was chosen elsewhere."""

Ordered: TypeAlias = tuple[NDArray[np.int32], NDArray[np.float32]]
"""Rows of candidates [B, C] and the values that order them; -inf is none."""


def choose_fusion(
    ranker: Ranker,
    cases: EvaluationCases,
    *,
    exclude_seen: bool,
    seed: int,
    progress: Progress,
    proposals: Proposals | None = None,
) -> tuple[FusionWeights, dict[str, float]]:
    """The weights with the best NDCG@10 on validation, and each one's NDCG@10 for the record.

    The simplest wins a tie: smaller weights are tried first and later ones must be strictly better. `proposals` keep
    what was proposed, for whoever asks next.
    """
    cases = cases.with_history(MAX_CASES, seed)
    if cases.num_cases == 0:
        return UNTUNED, {}
    tried = [
        FusionWeights(neighbours, taken)
        for taken in (TAKEN_WEIGHTS[:1] if exclude_seen else TAKEN_WEIGHTS)
        for neighbours in NEIGHBOUR_WEIGHTS
    ]

    def ordered(proposal: Proposal) -> Iterator[Ordered]:
        return ((proposal.candidates.rows_BC, proposal.fused(weights)) for weights in tried)

    progress.start("choosing the sources' weights", total=cases.num_cases)
    means = _found_by_each(len(tried), ordered, ranker, cases, exclude_seen, progress, proposals)
    best = tried[int(np.argmax(means))]
    progress.finish(f"{_named(best)}: validation NDCG@{LIST_LENGTH} {means.max():.4f}")
    return best, {_named(weights): round(float(mean), 5) for weights, mean in zip(tried, means, strict=True)}


def choose_beside_judge(
    ranker: Ranker,
    cases: EvaluationCases,
    *,
    exclude_seen: bool,
    seed: int,
    progress: Progress,
    proposals: Proposals | None = None,
) -> tuple[FusionWeights, dict[str, float]]:
    """The ranker's weights with a say for the sources beside its judge, and each one's NDCG@10 for the record.

    As `choose_fusion` does; nothing is changed where there is no judge, or no event held out.
    """
    cases = cases.with_history(MAX_CASES, seed)
    judge = ranker.judge
    if judge is None or cases.num_cases == 0:
        return ranker.weights, {}

    def ordered(proposal: Proposal) -> Iterator[Ordered]:
        first = ranker.shortlist(proposal)
        logits_BS = judge({"evidence": first.evidence_BSF, "present": first.present_BS})
        for beside in BESIDE_JUDGE:
            yield first.rows_BS, judge_first(first, lambda _: logits_BS, beside).values_BS

    progress.start("choosing what counts beside the judge", total=cases.num_cases)
    means = _found_by_each(len(BESIDE_JUDGE), ordered, ranker, cases, exclude_seen, progress, proposals)
    best = BESIDE_JUDGE[int(np.argmax(means))]
    progress.finish(f"{best:g}: validation NDCG@{LIST_LENGTH} {means.max():.4f}")
    reached = zip(BESIDE_JUDGE, means, strict=True)
    return replace(ranker.weights, beside_judge=best), {
        f"beside_judge={beside:g}": round(float(mean), 5) for beside, mean in reached
    }


def _found_by_each(
    num_tried: int,
    ordered: Callable[[Proposal], Iterator[Ordered]],
    ranker: Ranker,
    cases: EvaluationCases,
    exclude_seen: bool,
    progress: Progress,
    proposals: Proposals | None,
) -> NDArray[np.float64]:
    """NDCG@10 of each way to order what the ranker proposes for the cases."""
    proposals = proposals or Proposals(room=0)
    totals = np.zeros(num_tried)
    for batch in cases.batches(CASES_PER_CALL):
        questions = ranker.best_guesses(batch.histories, PLACES_ASKED, exclude_seen)
        for number, (rows_BC, values_BC) in enumerate(ordered(proposals.of(questions, ranker.propose))):
            totals[number] += found_next(batch, *_listed(rows_BC, values_BC)).sum()
        progress.advance(batch.num_cases)
    return totals / cases.num_cases


def _named(weights: FusionWeights) -> str:
    """Weights of 0 are left out, but for the neighbours'."""
    taken = f" taken={weights.taken:g}" if weights.taken else ""
    return f"neighbours={weights.neighbours:g}{taken}"


def _listed(
    rows_BC: NDArray[np.int32], values_BC: NDArray[np.float32]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The best of each row [B, K] and their values; -1 where fewer may be listed."""
    best_BK = np.argsort(-values_BC, axis=1, kind="stable")[:, :PLACES_ASKED]
    values_BK = np.take_along_axis(values_BC, best_BK, axis=1)
    return np.where(np.isfinite(values_BK), np.take_along_axis(rows_BC, best_BK, axis=1), NO_ITEM), values_BK
