"""Catalogue rows to arrays: the one path by which an item's content becomes numbers."""

# N items, E text embedding, T tags, P price values

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.features.spec import CATEGORY_SEPARATOR, FeatureSpec, labels_of, text_words_of


class EmbedsText(Protocol):
    """Texts in, one row each out: unit length, a zero row for an empty text."""

    def __call__(self, texts: Sequence[str], /) -> NDArray[np.float32]:
        """Embeddings [len(texts), E]."""


@dataclass(frozen=True, slots=True)
class ItemContent:
    """What the item encoder reads of N items."""

    text_NE: NDArray[np.float32]
    tag_rows_NT: NDArray[np.int64]
    """Rows of the tag table; 0 is padding."""
    tag_weights_NT: NDArray[np.float32]
    """1/√count on an item's own tags, 0 on padding."""
    price_NP: NDArray[np.float32]
    """Standardised log price, and 1 where there is a price."""

    @property
    def num_items(self) -> int:
        """Number of items."""
        return len(self.text_NE)

    def as_inputs(self) -> dict[str, NDArray[Any]]:
        """The arrays under the names of the item encoder's inputs."""
        return {
            "text": self.text_NE,
            "tag_rows": self.tag_rows_NT,
            "tag_weights": self.tag_weights_NT,
            "price": self.price_NP,
        }


def item_text(item: Mapping[str, Any], text_columns: Sequence[str]) -> str:
    """The sentence that stands for an item: title and description, else category leaf, brand and text attributes."""
    parts = [item.get("title"), item.get("description")]
    if not any(parts):
        leaf = (item.get("category") or "").rsplit(CATEGORY_SEPARATOR, 1)[-1]
        parts = [leaf, item.get("brand"), *(item.get(column) for column in text_columns)]
    return ". ".join(part for part in parts if part)


def encode_content(catalogue: pl.DataFrame, spec: FeatureSpec, embed: EmbedsText) -> ItemContent:
    """Arrays for every row of `catalogue`, in its order."""
    items = list(catalogue.iter_rows(named=True))
    tag_rows_NT = np.zeros((len(items), spec.max_tags), np.int64)
    tag_weights_NT = np.zeros((len(items), spec.max_tags), np.float32)
    for number, item in enumerate(items):
        rows = _tag_rows(item, spec)
        if rows:
            tag_rows_NT[number, : len(rows)] = rows
            tag_weights_NT[number, : len(rows)] = len(rows) ** -0.5
    return ItemContent(
        text_NE=embed([item_text(item, spec.text_columns) for item in items]),
        tag_rows_NT=tag_rows_NT,
        tag_weights_NT=tag_weights_NT,
        price_NP=_prices(catalogue, spec),
    )


def _tag_rows(item: Mapping[str, Any], spec: FeatureSpec) -> list[int]:
    """Labels first, then words: where there are more tags than room, words go."""
    tags = labels_of(item, spec.label_columns)
    tags += [f"word={word}" for word in text_words_of(item, spec.text_columns)]
    return [spec.tags[tag] for tag in tags if tag in spec.tags][: spec.max_tags]


def _prices(catalogue: pl.DataFrame, spec: FeatureSpec) -> NDArray[np.float32]:
    price_NP = np.zeros((len(catalogue), 2), np.float32)
    if "price" in catalogue.columns:
        prices_N = catalogue["price"].cast(pl.Float64).to_numpy()
        has_price_N = np.isfinite(prices_N)
        standard_N = (np.log1p(prices_N, where=has_price_N, out=np.zeros_like(prices_N)) - spec.log_price_mean) / (
            spec.log_price_deviation
        )
        price_NP[:, 0] = np.where(has_price_N, standard_N, 0.0)
        price_NP[:, 1] = has_price_N
    return price_NP
