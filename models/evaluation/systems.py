"""What can be scored: anything that ranks items for histories."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from models.baselines.item_knn import ItemKnn
from models.baselines.popularity import Popularity
from models.data.sequences import Sequences
from models.recommend.recommender import Recommender
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


@dataclass(frozen=True, slots=True)
class FigmentSystem:
    """The recommender that serves, or an earlier stage of it."""

    recommender: Recommender
    stage: Stage
    name: str

    def rank(
        self, histories: Sequences, k: int, *, exclude_seen: bool
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """The lists that the service would give, without noise."""
        return self.recommender.rank_rows(histories, k, exclude_seen, self.stage)


STAGES: Final[Mapping[str, Stage]] = {name: stage for name, stage in STAGE_OF.items() if name != "popularity"}
"""What a bundle holds; its neighbours, tuned on validation events, are the strongest rival without training."""
RIVALS: Final[Mapping[str, Callable[[Sequences, int], System]]] = {
    "item-knn": ItemKnn.fit,
    "popularity": Popularity.fit,
}
SYSTEM_NAMES: Final = (*STAGES, *RIVALS)
