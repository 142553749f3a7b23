"""What the critic says of an item whatever the taste, made beforehand: its logit is linear in the taste.

A pair's logit through the network takes fifty thousand products; from its item's terms it takes a hundred.
"""

# B users, C candidates, D features, H hidden, N items, X terms of an item: its realism, then H

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.domain.layered_rows import LayeredRows, Rows, layered
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
        told_BH1 = (taste_BD @ self.taste_HD.T)[:, :, None]
        return np.asarray(terms_BCX[..., 0] + (terms_BCX[..., 1:] @ told_BH1)[..., 0], np.float32)

    def over(self, features_ND: LayeredRows) -> "CriticTerms":
        """The same over items of which some have other features, or are new."""
        rows_A = features_ND.layered
        terms_AX = self.network({"features": features_ND[rows_A]})
        return replace(self, terms_NX=layered(self.terms_NX).changed(rows_A, terms_AX, len(features_ND)))
