"""Items by text: BM25 of the words that they are described with, and likeness of meaning."""

# N items, X found items, E text embedding

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.bundle.read import Bundle
from models.domain.item_rows import NO_ITEM
from models.domain.layered_rows import Rows, layered
from models.features.content import EmbedsText
from models.recommend.search.chance import chance_cosine
from models.recommend.search.words import FoundWords, WordIndex, described, query_words
from models.retrieval.faiss_index import FaissIndex, build_text_index
from models.retrieval.layered import LayeredIndex

NUM_FOUND: Final = 500
"""Items that are found by text; a history orders these and brings in no other."""
MEANING_WEIGHT: Final = 1.0
"""What a cosine of 1 counts against the best of all matching words."""


class FoundByText(NamedTuple):
    """The best by text."""

    rows_X: NDArray[np.int32]
    values_X: NDArray[np.float32]
    coverage_X: NDArray[np.float32]
    """Share of the query's words that the item has, by how rare they are; words that no item has do not count."""


class EmbedsTexts(Protocol):
    """Whose encoder is opened when it is first needed."""

    @property
    def embed(self) -> EmbedsText:
        """As training did."""


@dataclass(frozen=True, eq=False)
class BundleTexts:
    """What the texts of a bundle's items are found by; made when they are first asked for."""

    bundle: Bundle
    encoder: EmbedsTexts

    @property
    def columns(self) -> list[str]:
        """What an item is described with: all that training read as text or label."""
        spec = self.bundle.feature_spec
        return ["title", "description", "brand", "category", *spec.text_columns, *spec.label_columns]

    @cached_property
    def words(self) -> WordIndex:
        """Of the bundle's catalogue."""
        return WordIndex.of(described(self.bundle.catalogue, self.columns))

    @cached_property
    def meanings(self) -> FaissIndex:
        """Of the bundle's text embeddings."""
        return build_text_index(self.bundle.text_features_NE)

    @cached_property
    def chance(self) -> float:
        """The cosine that a query without any meaning may have to its nearest item."""
        return chance_cosine(self.encoder.embed, self.meanings)


@dataclass(frozen=True, eq=False)
class OwnTexts:
    """Items whose content is not the bundle's: new ones and changed ones."""

    of_bundle: BundleTexts
    frame: pl.DataFrame
    is_own_N: NDArray[np.bool_]

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """Theirs."""
        return np.flatnonzero(self.is_own_N)

    @cached_property
    def words(self) -> WordIndex:
        """Of these items, counted like the bundle's."""
        return WordIndex.of(described(self.frame[self.rows], self.of_bundle.columns), like=self.of_bundle.words)


@dataclass(frozen=True, eq=False)
class TextSearch:
    """The texts of one state of the catalogue."""

    own: OwnTexts
    text_NE: Rows
    is_gone_N: NDArray[np.bool_]

    def find(self, query: str, query_E: NDArray[np.float32], allowed: Sequence[NDArray[np.bool_]]) -> list[FoundByText]:
        """The `NUM_FOUND` best items of each of some sets of allowed ones; best first, of equals the lower row."""
        words = self._words(query)
        of_bundle, own = self.own.of_bundle.words, self.own.words
        rarities = (max(of_bundle.rarity(word), own.rarity(word)) for word in query_words(query))
        coverage_N = words.shared_N / max(sum(rarities), 1e-9)
        return [self._best(words.scores_N, coverage_N, query_E, allowed_N) for allowed_N in allowed]

    def is_near(self, found: FoundByText) -> bool:
        """Whether any item has a word of the query, or is nearer in meaning than to letters drawn at random.

        `found`: among all items.
        """
        if not len(found.rows_X) or found.coverage_X.max() > 0:
            return True
        return float(found.values_X.max()) > MEANING_WEIGHT * self.own.of_bundle.chance

    def _best(
        self,
        words_N: NDArray[np.float32],
        coverage_N: NDArray[np.float32],
        query_E: NDArray[np.float32],
        allowed_N: NDArray[np.bool_],
    ) -> FoundByText:
        near_rows, _ = self._meanings.search(query_E[None], NUM_FOUND, allowed_N)
        matching = np.flatnonzero((words_N > 0) & allowed_N)
        if len(matching) > NUM_FOUND:
            matching = matching[np.lexsort((-words_N[matching], -coverage_N[matching]))[:NUM_FOUND]]
        rows = np.union1d(matching, near_rows[near_rows != NO_ITEM]).astype(np.int32)
        # row by row: a matrix product rounds by the company that a row is in
        cosines_X = (self.text_NE[rows].astype(np.float32) * query_E).sum(axis=1)
        # the best of all items, also of those that may not be listed: what is left out changes no value
        values_X = words_N[rows] / max(float(words_N.max(initial=0.0)), 1e-9) + MEANING_WEIGHT * cosines_X
        best = np.lexsort((rows, -values_X, -coverage_N[rows]))[:NUM_FOUND]
        return FoundByText(rows[best], values_X[best].astype(np.float32), coverage_N[rows[best]])

    def _words(self, query: str) -> FoundWords:
        """What every item shares with the query [N]."""
        of_bundle, both = self.own.of_bundle.words.found(query), np.zeros((2, len(self.is_gone_N)), np.float32)
        both[:, : len(of_bundle.scores_N)] = of_bundle
        if self.own.rows.size:
            both[:, self.own.rows] = self.own.words.found(query)
        both[:, self.is_gone_N] = 0.0
        return FoundWords(*both)

    @cached_property
    def _meanings(self) -> LayeredIndex:
        return LayeredIndex(self.own.of_bundle.meanings, layered(self.text_NE), self.is_gone_N)
