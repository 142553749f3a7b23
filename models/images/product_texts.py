"""Whether a text can mean anything that a picture model was trained on."""

# N items, E text embedding, F text feature, Q queries

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from models.domain.errors import RuleRefused
from models.features.content import EmbedsText
from models.features.spec import words_of
from models.images.text_feature import TextProjection
from models.images.vocabulary import PictureVocabulary
from models.recommend.search.chance import NUM_DRAWN, SEED, drawn_queries

CHANCE: Final = 0.9
"""Of queries drawn at random, whose nearest product is no nearer. On fashion_photos (6,000 titles, by hand) 93 in 100
other ones are then refused, so are all of seven about other things (drills, recipes), none of 300 held-out titles, and
8 in 100 of two words drawn from a title."""


@dataclass(frozen=True, slots=True)
class ProductTexts:
    """The products' embeddings, as far as their features tell them, and how near to them letters at random come."""

    projection: TextProjection
    along_NF: NDArray[np.float32]
    """Each product along the projection's directions."""
    lengths_N: NDArray[np.float32]
    category_words: frozenset[str]
    chance: float

    @classmethod
    def of(
        cls,
        projection: TextProjection,
        text_features_NF: NDArray[np.float32],
        vocabulary: PictureVocabulary,
        embed: EmbedsText,
    ) -> Self:
        """Embeds `NUM_DRAWN` short texts."""
        told_NF = text_features_NF[text_features_NF.any(axis=1)]
        along_NF = told_NF * projection.deviation_F
        # |mean + basis · along|², the basis being orthonormal
        across_F = projection.mean_E @ projection.basis_EF
        squares_N = projection.mean_E @ projection.mean_E + 2 * along_NF @ across_F + np.square(along_NF).sum(axis=1)
        texts = cls(
            projection,
            along_NF,
            np.sqrt(np.maximum(squares_N, 1e-12)),
            frozenset(word for path in vocabulary.categories for word in words_of(path)),
            chance=-1.0,
        )
        drawn_QE = embed(drawn_queries(NUM_DRAWN, SEED))
        chance = float(np.quantile([texts.nearness(drawn_E) for drawn_E in drawn_QE], CHANCE))
        return cls(projection, along_NF, texts.lengths_N, texts.category_words, chance)

    def nearness(self, text_E: NDArray[np.float32]) -> float:
        """Cosine of an embedding, which has length 1, to the product that it is nearest to."""
        inner_N = text_E @ self.projection.mean_E + self.along_NF @ (text_E @ self.projection.basis_EF)
        return float((inner_N / self.lengths_N).max(initial=-1.0))

    def refuse_far(self, text: str, text_E: NDArray[np.float32]) -> None:
        """Raises RuleRefused for a text without a word of a category that is no nearer than letters at random."""
        if self.category_words.isdisjoint(words_of(text)) and self.nearness(text_E) <= self.chance:
            raise RuleRefused(
                ("query",),
                f"{text!r} is no nearer to any product of the picture model than letters at random, so nobody knows"
                " what to draw; name a category, or what the products are called",
            )
