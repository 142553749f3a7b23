"""EASE with the regularisation that finds most on validation events."""

# B cases, K places

from typing import Final

from models.baselines.ease import Ease
from models.evaluation.rival_data import RivalData
from models.training.found import LIST_LENGTH, found_next

REGULARISATIONS: Final = (5.0, 20.0, 80.0, 320.0)
UNTUNED: Final = 80.0
MAX_CASES: Final = 4_096


def choose_ease(data: RivalData) -> Ease:
    """The best of the grid by NDCG@10, the first of equals; `UNTUNED` where no event is held out."""
    if data.validation is None or not (cases := data.validation.with_history(MAX_CASES, data.seed)).num_cases:
        return Ease.fit(data.train, data.num_items, UNTUNED)
    best: tuple[float, float, Ease] | None = None
    data.progress.start("choosing the regularisation of EASE", total=len(REGULARISATIONS))
    for regularisation in REGULARISATIONS:
        fitted = Ease.fit(data.train, data.num_items, regularisation)
        lists = fitted.rank(cases.histories, LIST_LENGTH + 1, exclude_seen=data.exclude_seen)
        found = float(found_next(cases, *lists).mean())
        if best is None or found > best[0]:
            best = (found, regularisation, fitted)
        data.progress.advance(1, f"{regularisation:g}: {found:.4f}")
    assert best is not None
    data.progress.finish(f"{best[1]:g}: validation NDCG@{LIST_LENGTH} {best[0]:.4f}")
    return best[2]
