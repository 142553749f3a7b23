"""What can be scored: anything that ranks items for histories."""

from collections.abc import Callable, Mapping
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from models.baselines.ease import CHEAP_ITEMS
from models.baselines.item_knn import ItemKnn
from models.baselines.popularity import Popularity
from models.data.sequences import Sequences
from models.evaluation.chosen import chosen_buy_again, chosen_ease
from models.evaluation.rival_data import RivalData
from models.recommend.systems import STAGE_OF, Stage


class System(Protocol):
    """Ranks all items for each history."""

    @property
    def name(self) -> str:
        """Its row of the table."""

    def rank(
        self, histories: Sequences, k: int, *, exclude_seen: bool
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Item rows [B, K], best first, -1 where a list is shorter, and their scores."""


STAGES: Final[Mapping[str, Stage]] = {name: stage for name, stage in STAGE_OF.items() if name != "popularity"}
"""What a bundle holds; its neighbours are tuned on validation events, as rivals that have a setting are."""


def _sasrec(data: RivalData) -> System:
    from models.evaluation.rival_neighbours import RivalNeighbours
    from models.evaluation.sasrec import fit_sasrec

    return fit_sasrec(data, RivalNeighbours.of(data))


def _sasrec_item_knn(data: RivalData) -> System:
    from models.evaluation.sasrec_item_knn import fit_sasrec_item_knn

    return fit_sasrec_item_knn(data)


def _content_knn(data: RivalData) -> System:
    from models.evaluation.content_rivals import fit_content_knn

    return fit_content_knn(data)


def _content_regression(data: RivalData) -> System:
    from models.evaluation.content_rivals import fit_content_regression

    assert data.recommender is not None
    return fit_content_regression(data, data.recommender)


def _validation_judge(data: RivalData) -> System:
    from models.evaluation.validation_judge import fit_validation_judge

    assert data.recommender is not None
    return fit_validation_judge(data, data.recommender)


RIVALS: Final[Mapping[str, Callable[[RivalData], System]]] = {
    "item-knn": lambda data: ItemKnn.fit(data.train, data.num_items),
    "popularity": lambda data: Popularity.fit(data.train, data.num_items),
    "buy-again": chosen_buy_again,
    "ease": chosen_ease,
    "content-knn": _content_knn,
    "content-regression": _content_regression,
    "figment+validation": _validation_judge,
    "sasrec": _sasrec,
    "sasrec+item-knn": _sasrec_item_knn,
}
"""Fitted where they are measured. SASRec trains a network for minutes; whoever trains one loads torch only then."""
SYSTEM_NAMES: Final = (*STAGES, *RIVALS)
NEED_BUNDLE: Final = (*STAGES, "content-regression", "figment+validation")


def cheap_rivals(data: RivalData) -> tuple[str, ...]:
    """Those that take seconds and say something of their own on these data."""
    names = ["item-knn", "popularity"]
    if not data.exclude_seen:
        names.append("buy-again")
    if data.num_items <= CHEAP_ITEMS:
        names.append("ease")
    if data.split_kind == "cold-items":
        names += ["content-knn", *(["content-regression"] if data.recommender else [])]
    return tuple(names)
