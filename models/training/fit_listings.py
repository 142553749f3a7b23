"""A detector of listings that are not what they say, fitted on real items with one thing swapped or copied."""

# C listings, N items, E text embedding

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.domain.layered_rows import Rows
from models.features.content import encode_content
from models.features.spec import FeatureSpec
from models.fraud.detector import Judgement
from models.fraud.listings import LISTING, CatalogueLore, listing_figures
from models.recommend.candidates import RunsNetwork
from models.training.fit_fraud import fitted, judgement_of

LISTINGS_PER_KIND: Final = 1_500
COPIED: Final = "copied listing"


@dataclass(frozen=True, slots=True)
class ListingShop:
    """A catalogue as the networks know it."""

    frame: pl.DataFrame
    text_NE: Rows
    item_features_ND: Rows
    spec: FeatureSpec
    item_encoder: RunsNetwork
    critic: RunsNetwork

    def lore(self) -> CatalogueLore:
        """What its items say."""
        return CatalogueLore(self.frame, self.text_NE, self.spec, np.zeros(len(self.frame), np.bool_))

    def kinds(self) -> list[str]:
        """What can be swapped here: columns with more than one value; listings can be copied where there are titles."""
        columns = [
            name for name in ("category", "brand", *self.spec.label_columns, "price") if name in self.frame.columns
        ]
        swappable = [name for name in columns if self.frame[name].drop_nulls().n_unique() > 1]
        return [*swappable, COPIED] if "title" in self.frame.columns else swappable


@dataclass(frozen=True, slots=True)
class Listings:
    """Some items as they are, or with one thing changed."""

    items: Sequence[dict[str, Any]]
    rows_C: NDArray[np.int32]
    """Whose listing each was; -1 of a copy, which is another item's."""
    text_CE: NDArray[np.float32]

    def figures(self, shop: ListingShop, lore: CatalogueLore) -> NDArray[np.float32]:
        """[C, len(LISTING)]."""
        frame = pl.DataFrame(self.items, schema=shop.frame.schema)
        content = encode_content(frame, shop.spec, lambda _: self.text_CE)
        return listing_figures(
            lore,
            self.items,
            self.text_CE,
            shop.item_encoder(content.as_inputs()),
            self.rows_C,
            item_features_ND=shop.item_features_ND,
            critic=shop.critic,
        ).figures_CF


def as_listed(shop: ListingShop, rows_C: NDArray[np.int32]) -> Listings:
    """Items as they are."""
    return Listings(shop.frame[rows_C].to_dicts(), rows_C, np.asarray(shop.text_NE[rows_C], np.float32))


def swapped(shop: ListingShop, kind: str, rows_C: NDArray[np.int32], rng: np.random.Generator) -> Listings:
    """The same items, where they have it, with another item's different value; copies keep all but their own id."""
    real = as_listed(shop, rows_C)
    if kind == COPIED:
        return Listings(real.items, np.full(len(rows_C), -1, np.int32), real.text_CE)
    values: Mapping[int, Any] = dict(enumerate(shop.frame[kind].to_list()))
    kept, items = [], []
    for place, item in enumerate(real.items):
        others = [values[row] for row in rng.integers(len(values), size=20)]
        other = next((value for value in others if value is not None and value != item[kind]), None)
        if item[kind] is not None and other is not None:
            items.append({**item, kind: other})
            kept.append(place)
    return Listings(items, rows_C[kept], real.text_CE[kept])


def fit_listings(shop: ListingShop, *, seed: int) -> Judgement | None:
    """Fitted on a part of the items; None where none of them has anything that could be swapped."""
    if not shop.kinds():
        return None
    rng = np.random.default_rng(seed)
    rows_C = rng.permutation(len(shop.frame)).astype(np.int32)[:LISTINGS_PER_KIND]
    figures_CF, is_swapped_C, half_C = training_listings(shop, shop.lore(), shop.kinds(), rows_C, rng)
    return judgement_of(fitted(figures_CF, is_swapped_C, half_C, seed), is_swapped_C, LISTING)


def training_listings(
    shop: ListingShop, lore: CatalogueLore, kinds: Sequence[str], rows_C: NDArray[np.int32], rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.int64]]:
    """Figures of the real ones, then of those of each kind; which are swapped; and halves that share no item."""
    parts = [as_listed(shop, rows_C), *(swapped(shop, kind, rows_C, rng) for kind in kinds)]
    figures = [each.figures(shop, lore) for each in parts]
    is_swapped_C = np.concatenate([np.full(len(each), number > 0) for number, each in enumerate(figures)])
    # a copy has no row: its half follows from its place, as those of the real ones do
    place_of = np.empty(len(shop.frame), np.int64)
    place_of[rows_C] = np.arange(len(rows_C))
    halves = [np.where(each.rows_C < 0, np.arange(len(each.rows_C)), place_of[each.rows_C]) % 2 for each in parts]
    return np.concatenate(figures), is_swapped_C, np.concatenate(halves)
