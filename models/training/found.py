"""What lists find of what was taken next: the measure that settings are chosen by."""

# B cases, K places

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.data.split import EvaluationCases
from models.metrics.ranking import hits, ndcg

LIST_LENGTH: Final = 10
PLACES_ASKED: Final = LIST_LENGTH + 1
"""One more, so that a tie which goes on below the list is seen."""


def found_next(
    cases: EvaluationCases, rows_BK: NDArray[np.int32], scores_BK: NDArray[np.float32]
) -> NDArray[np.float64]:
    """NDCG@10 of each case [B]; ties in a score count against the list."""
    hits_BK = hits(rows_BK, scores_BK, cases.target_offsets_U1, cases.targets_T)
    return ndcg(hits_BK, np.diff(cases.target_offsets_U1), LIST_LENGTH)
