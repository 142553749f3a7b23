"""A feature in a shopkeeper's words."""

# X features, D features' width

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.synthesis.decoder import Decoder

NUM_WORDS: Final = 6


@dataclass(frozen=True, slots=True)
class Description:
    """What the catalogue does not have is None, not invented."""

    category: str | None
    category_probability: float | None
    brand: str | None
    brand_probability: float | None
    price_range: tuple[float, float] | None
    """Four in five prices of such products lie in it, as far as the decoder can tell."""
    words: Sequence[str]


def described(decoder: Decoder, features_XD: NDArray[np.float32]) -> list[Description]:
    """One for each feature."""
    decoded, labels = decoder.decode(features_XD), decoder.labels
    return [
        Description(
            *_likeliest(labels.categories, decoded.categories_XK[row]),
            *_likeliest(labels.brands, decoded.brands_XB[row]),
            price_range=_range(decoded.prices_XQ[row]) if labels.has_price else None,
            words=decoder.words_of(decoded.words_XW[row], NUM_WORDS),
        )
        for row in range(len(features_XD))
    ]


def _likeliest(names: Sequence[str], probabilities_K: NDArray[np.float32]) -> tuple[str | None, float | None]:
    """A name and how likely it is."""
    if not names:
        return None, None
    best = int(probabilities_K.argmax())
    return names[best], round(float(probabilities_K[best]), 4)


def _range(prices_Q: NDArray[np.float32]) -> tuple[float, float]:
    return round(float(prices_Q[0]), 2), round(float(prices_Q[-1]), 2)
