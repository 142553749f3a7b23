"""An item's sentence embedding in the few directions that tell products apart."""

# N items, E text embedding, F text feature

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from models.domain.errors import BundleCorrupt

TEXT_FEATURE_SIZE: Final = 32
LEAST_VARIANCE_SHARE: Final = 1e-3
"""Of a direction, against the first: narrower ones are noise."""


@dataclass(frozen=True, slots=True)
class TextProjection:
    """Principal directions, each with deviation 1; a zero embedding (no text) gives a zero feature."""

    mean_E: NDArray[np.float32]
    basis_EF: NDArray[np.float32]
    deviation_F: NDArray[np.float32]
    """Of the items along each direction: times it, a feature is as near to others as the embeddings are."""

    @classmethod
    def fit(cls, text_NE: NDArray[np.float32], size: int = TEXT_FEATURE_SIZE) -> Self:
        """On the items that have a text."""
        told_NE = text_NE[text_NE.any(axis=1)]
        mean_E = told_NE.mean(axis=0).astype(np.float32)
        covariance_EE = np.cov(told_NE - mean_E, rowvar=False)
        variance_E, directions_EE = np.linalg.eigh(covariance_EE)
        largest = np.argsort(variance_E)[::-1][:size]
        # what is next to nothing in the items would be everything in a text that is none of theirs
        kept = largest[variance_E[largest] > LEAST_VARIANCE_SHARE * variance_E[largest[0]]]
        deviation_F = np.sqrt(variance_E[kept]).astype(np.float32)
        return cls(mean_E, directions_EE[:, kept].astype(np.float32), deviation_F)

    def features(self, text_NE: NDArray[np.float32]) -> NDArray[np.float32]:
        """[N, F]."""
        along_NF = (text_NE - self.mean_E) @ self.basis_EF
        features_NF: NDArray[np.float32] = (along_NF / self.deviation_F).astype(np.float32)
        return features_NF * text_NE.any(axis=1, keepdims=True).astype(np.float32)

    def save(self, file: Path) -> None:
        """For `load`."""
        np.savez(file, mean=self.mean_E, basis=self.basis_EF, deviation=self.deviation_F)

    @classmethod
    def load(cls, file: Path) -> Self:
        """From `save`. Raises BundleCorrupt."""
        try:
            with np.load(file, allow_pickle=False) as arrays:
                return cls(arrays["mean"], arrays["basis"], arrays["deviation"])
        except (OSError, ValueError, KeyError) as error:
            raise BundleCorrupt(file, f"not a text projection ({error})") from error
