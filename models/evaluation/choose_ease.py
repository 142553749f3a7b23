"""EASE with the regularisation that finds most on validation events."""

# B cases, K places

from typing import Final

import numpy as np

from models.baselines.ease import Ease
from models.data.split import EvaluationCases
from models.evaluation.rival_data import RivalData
from models.metrics.ranking import hits, ndcg

REGULARISATIONS: Final = (5.0, 20.0, 80.0, 320.0)
UNTUNED: Final = 80.0
MAX_CASES: Final = 4_096
LIST_LENGTH: Final = 10


def choose_ease(data: RivalData) -> Ease:
    """The best of the grid by NDCG@10, the first of equals; `UNTUNED` where no event is held out."""
    known = np.flatnonzero(data.validation.histories.lengths_U > 0) if data.validation else np.empty(0, np.int64)
    if data.validation is None or len(known) == 0:
        return Ease.fit(data.train, data.num_items, UNTUNED)
    if len(known) > MAX_CASES:
        known = np.sort(np.random.default_rng(data.seed).choice(known, MAX_CASES, replace=False))
    best: tuple[float, float, Ease] | None = None
    data.progress.start("choosing the regularisation of EASE", total=len(REGULARISATIONS))
    for regularisation in REGULARISATIONS:
        fitted = Ease.fit(data.train, data.num_items, regularisation)
        found = _mean_ndcg(fitted, data.validation, known, exclude_seen=data.exclude_seen)
        if best is None or found > best[0]:
            best = (found, regularisation, fitted)
        data.progress.advance(1, f"{regularisation:g}: {found:.4f}")
    assert best is not None
    data.progress.finish(f"{best[1]:g}: validation NDCG@{LIST_LENGTH} {best[0]:.4f}")
    return best[2]


def _mean_ndcg(ease: Ease, cases: EvaluationCases, users: np.ndarray, *, exclude_seen: bool) -> float:
    rows_BK, scores_BK = ease.rank(cases.histories.take_users(users), LIST_LENGTH + 1, exclude_seen=exclude_seen)
    targets = [cases.targets_of(int(user)) for user in users]
    offsets_B1 = np.concatenate([[0], np.cumsum([len(each) for each in targets])])
    hits_BK = hits(rows_BK, scores_BK, offsets_B1, np.concatenate(targets))
    return float(ndcg(hits_BK, np.diff(offsets_B1), LIST_LENGTH).mean())
