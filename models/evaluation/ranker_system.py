"""A ranker as the evaluator asks it."""

# B users, K places

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.data.sequences import Sequences
from models.recommend.ranker import Ranker
from models.recommend.systems import Stage


@dataclass(frozen=True, slots=True)
class RankerSystem:
    """The ranker that serves, an earlier stage of it, or one with a part exchanged."""

    ranker: Ranker
    stage: Stage
    name: str

    def rank(
        self, histories: Sequences, k: int, *, exclude_seen: bool
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """The lists that the service would give, without noise."""
        return self.ranker.rank_sequences(histories, k, exclude_seen, self.stage)
