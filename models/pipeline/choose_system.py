"""Which system serves: the best on validation events."""

# B users, K places

from collections.abc import Mapping
from typing import Final

import numpy as np

from models.data.split import EvaluationCases
from models.domain.progress import Progress
from models.metrics.ranking import hits, ndcg
from models.recommend.ranker import Ranker
from models.recommend.systems import STAGE_OF

MAX_CASES: Final = 4_096
LIST_LENGTH: Final = 10
SIMPLEST_FIRST: Final = ("popularity", "item-knn+content", "figment-generator", "figment-fused", "figment")


def choose_system(
    ranker: Ranker, cases: EvaluationCases, *, exclude_seen: bool, seed: int, progress: Progress
) -> tuple[str, Mapping[str, float]]:
    """The system with the best NDCG@10, the simplest of equals, and what each one reached."""
    users = np.arange(cases.num_cases)
    if len(users) > MAX_CASES:
        users = np.sort(np.random.default_rng(seed).choice(users, MAX_CASES, replace=False))
    histories = cases.histories.take_users(users)
    targets = [cases.targets_of(int(user)) for user in users]
    offsets_B1 = np.concatenate([[0], np.cumsum([len(each) for each in targets])])
    progress.start("choosing what serves", total=len(SIMPLEST_FIRST))
    reached = {}
    for name in SIMPLEST_FIRST:
        rows_BK, scores_BK = ranker.rank_sequences(histories, LIST_LENGTH, exclude_seen, STAGE_OF[name])
        hits_BK = hits(rows_BK, scores_BK, offsets_B1, np.concatenate(targets))
        reached[name] = float(ndcg(hits_BK, np.diff(offsets_B1), LIST_LENGTH).mean())
        progress.advance(1, f"{name}: validation NDCG@{LIST_LENGTH} {reached[name]:.4f}")
    best = max(SIMPLEST_FIRST, key=lambda name: reached[name])
    progress.finish(f"{best}: validation NDCG@{LIST_LENGTH} {reached[best]:.4f}")
    return best, reached
