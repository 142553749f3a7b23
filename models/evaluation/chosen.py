"""Rivals with the setting that finds most on validation events: a rival at its strongest."""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from models.baselines.buy_again import USUAL_AGE_DECAY, BuyAgain
from models.baselines.ease import Ease
from models.evaluation.ranker_system import RankerSystem
from models.evaluation.rival_data import RivalData
from models.training.found import LIST_LENGTH, PLACES_ASKED, found_next

S = TypeVar("S", Ease, BuyAgain, RankerSystem)

REGULARISATIONS: Final = (5.0, 20.0, 80.0, 320.0, 1_280.0)
USUAL_REGULARISATION: Final = 80.0
AGE_DECAYS: Final = (0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 1.0)
"""From what the last five baskets say to what all say alike."""
MAX_CASES: Final = 4_096


def chosen_ease(data: RivalData) -> Ease:
    """EASE by its regularisation."""

    def fit(regularisation: float) -> Ease:
        return Ease.fit(data.train, data.num_items, regularisation)

    return chosen(data, "the regularisation of EASE", fit, REGULARISATIONS, USUAL_REGULARISATION)[1]


def chosen_buy_again(data: RivalData) -> BuyAgain:
    """Own items by how fast older baskets count less."""
    counted = BuyAgain.fit(data.train, data.num_items)
    tried = AGE_DECAYS if not data.exclude_seen else (USUAL_AGE_DECAY,)
    return chosen(data, "how fast baskets count less for buy-again", counted.decaying, tried, USUAL_AGE_DECAY)[1]


def chosen(
    data: RivalData, what: str, fit: Callable[[float], S], tried: Sequence[float], usual: float
) -> tuple[float, S]:
    """The best of the grid by NDCG@10, the first of equals; the usual one where no event is held out."""
    if data.validation is None or not (cases := data.validation.with_history(MAX_CASES, data.seed)).num_cases:
        return usual, fit(usual)
    best: tuple[float, float, S] | None = None
    data.progress.start(f"choosing {what}", total=len(tried))
    for setting in tried:
        fitted = fit(setting)
        lists = fitted.rank(cases.histories, PLACES_ASKED, exclude_seen=data.exclude_seen)
        found = float(found_next(cases, *lists).mean())
        if best is None or found > best[0]:
            best = (found, setting, fitted)
        data.progress.advance(1, f"{setting:g}: {found:.4f}")
    assert best is not None
    data.progress.finish(f"{best[1]:g}: validation NDCG@{LIST_LENGTH} {best[0]:.4f}")
    return best[1:]
