"""What the critic says of an item whatever the taste, made beforehand: its logit is linear in the taste.

A pair's logit through the network takes fifty thousand products; from its item's terms it takes a hundred.
"""

# B users, C candidates or items that change, D features, H hidden, N items, X terms of an item: its realism, then H

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.domain.layered_rows import Rows, layered
from models.recommend.candidates import RunsNetwork


@dataclass(frozen=True, slots=True, eq=False)
class CriticTerms:
    """The terms of all items, and how a taste asks for them."""

    terms_NX: Rows
    taste_HD: NDArray[np.float32]
    network: RunsNetwork
    """Features to terms."""

    def logits(self, taste_BD: NDArray[np.float32], rows_BC: NDArray[np.int32]) -> NDArray[np.float32]:
        """The critic's logits [B, C] of these items; where there is no item (-1), without meaning."""
        terms_BCX = self.terms_NX[np.maximum(rows_BC, 0)]
        asked_BH = taste_BD @ self.taste_HD.T
        # the realism counts once, so that whole rows are multiplied: parts of them would be copied first
        asked_BX1 = np.concatenate([np.ones_like(asked_BH[:, :1]), asked_BH], axis=1)[:, :, None]
        return np.asarray((terms_BCX @ asked_BX1)[..., 0], np.float32)

    def changed(self, rows_C: NDArray[np.int32], features_CD: NDArray[np.float32], num_rows: int) -> "CriticTerms":
        """The same over items of which these have other features, or are new; `num_rows` in all afterwards."""
        terms_CX = self.network({"features": features_CD})
        return replace(self, terms_NX=layered(self.terms_NX).changed(rows_C, terms_CX, num_rows))
