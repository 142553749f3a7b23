"""What generator and neighbours found for a few histories."""

# B users, L events, C candidates

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.domain.item_rows import NO_ITEM
from models.features.histories import HistoryBatch
from models.recommend.candidates import Candidates
from models.recommend.fusion import FusionWeights, StandardScores


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the sources found for a few questions, with nothing left out but what was seen."""

    history: HistoryBatch
    candidates: Candidates
    scores: StandardScores
    judged_BC: NDArray[np.bool_]
    """Which candidates compete for the first block: what else a request leaves out does not change who does."""
    allowed_BC: NDArray[np.bool_]
    """Which candidates may be listed."""

    def fused(self, weights: FusionWeights) -> NDArray[np.float32]:
        """The fused order [B, C], -inf where a candidate may not be listed."""
        return self.listed(self.scores.fused(weights))

    def listed(self, values_BC: NDArray[np.float32]) -> NDArray[np.float32]:
        """The values of what may be listed, -inf elsewhere."""
        return np.where(self.allowed_BC, values_BC, np.float32(-np.inf))

    def history_of(self, user: int) -> HistoryBatch:
        """One user's history, as long as it would be alone."""
        length = max(1, int((self.history.item_rows_BL[user] != NO_ITEM).sum()))
        return self.history.newest(slice(user, user + 1), length)
