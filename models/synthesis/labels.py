"""What features can be decoded into: the categories, brands and words that a catalogue has often enough to learn."""

# N items, W words

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.features.spec import MIN_WORD_ITEMS, FeatureSpec, text_words_of

MAX_LABELS: Final = 2_000
"""Of each kind: the most frequent ones."""
MIN_LABEL_ITEMS: Final = 2
MIN_PRICES: Final = 20
PRICE_QUANTILES: Final = (0.1, 0.5, 0.9)
"""A price range is what four in five prices lie in, as far as the decoder can tell."""


@dataclass(frozen=True, slots=True)
class DecoderLabels:
    """The meaning of the decoder's outputs, in their order: categories, brands, words, price quantiles."""

    categories: Sequence[str]
    brands: Sequence[str]
    words: Sequence[str]
    word_shares_W: NDArray[np.float32]
    """Share of the items that carry each word."""
    has_price: bool

    @classmethod
    def of(cls, catalogue: pl.DataFrame, spec: FeatureSpec) -> "DecoderLabels":
        """What this catalogue has on several items."""
        words = Counter(word for item in catalogue.iter_rows(named=True) for word in item_words(item, spec))
        kept = {
            word: count
            for word, count in _most_frequent(words, MIN_WORD_ITEMS)
            # a word on more than half of the items describes none of them
            if count <= len(catalogue) / 2
        }
        prices = catalogue["price"].drop_nulls() if "price" in catalogue.columns else ()
        return cls(
            categories=[value for value, _ in _most_frequent(_values(catalogue, "category"), MIN_LABEL_ITEMS)],
            brands=[value for value, _ in _most_frequent(_values(catalogue, "brand"), MIN_LABEL_ITEMS)],
            words=list(kept),
            word_shares_W=(np.array(list(kept.values())) / max(1, len(catalogue))).astype(np.float32),
            has_price=len(prices) >= MIN_PRICES,
        )

    @property
    def num_outputs(self) -> int:
        """Width of what the decoder gives for one feature."""
        num_prices = len(PRICE_QUANTILES) if self.has_price else 0
        return len(self.categories) + len(self.brands) + len(self.words) + num_prices

    def table(self) -> pl.DataFrame:
        """As a bundle keeps them: `kind`, `value`, `share`."""
        rows: list[tuple[str, str, float | None]] = [("category", value, None) for value in self.categories]
        rows += [("brand", value, None) for value in self.brands]
        rows += [("word", word, float(share)) for word, share in zip(self.words, self.word_shares_W, strict=True)]
        rows += [("price", "", None)] if self.has_price else []
        return pl.DataFrame(rows, schema={"kind": pl.String, "value": pl.String, "share": pl.Float32}, orient="row")

    @classmethod
    def from_table(cls, table: pl.DataFrame) -> "DecoderLabels":
        """The labels that `table` wrote down."""
        of_kind = {kind: table.filter(pl.col("kind") == kind) for kind in ("category", "brand", "word", "price")}
        return cls(
            categories=of_kind["category"]["value"].to_list(),
            brands=of_kind["brand"]["value"].to_list(),
            words=of_kind["word"]["value"].to_list(),
            word_shares_W=of_kind["word"]["share"].to_numpy().astype(np.float32),
            has_price=len(of_kind["price"]) > 0,
        )


def item_words(item: Mapping[str, Any], spec: FeatureSpec) -> list[str]:
    """Distinct words of one catalogue row that could tell what it is: no bare numbers."""
    return [word for word in text_words_of(item, spec.text_columns) if not word.isdigit()]


def _values(catalogue: pl.DataFrame, name: str) -> Counter[str]:
    return Counter(catalogue[name].drop_nulls().to_list()) if name in catalogue.columns else Counter()


def _most_frequent(counts: Counter[str], least: int) -> Iterable[tuple[str, int]]:
    """The first by count, then by name, of those that are frequent enough."""
    enough = [(value, count) for value, count in counts.items() if value and count >= least]
    return sorted(enough, key=lambda pair: (-pair[1], pair[0]))[:MAX_LABELS]
