"""How well what an item says fits what items with the same text say: category, brand, labels, price; and copies."""

# C listings, N items, E text embedding, K nearest, F figures, D features

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.domain.layered_rows import Rows
from models.features.spec import FeatureSpec, category_prefixes, words_of
from models.recommend.candidates import RunsNetwork

NEAREST: Final = 30
SHARPNESS: Final = 12.0
"""How much more a nearer item says: weights are exp of so many times the cosine."""
NO_FIELD: Final = -1.0
"""Of a field that the listing does not fill, or that nothing near it fills."""
LISTING: Final = (
    "category_share",
    "category_below_best",
    "category_first_share",
    "brand_share",
    "brand_below_best",
    "brand_in_text",
    "label_share_least",
    "label_below_best",
    "price_distance",
    "price_deviation",
    "price_surprise",
    "price_to_nearest",
    "price_to_like",
    "price_share",
    "nearest_text",
    "same_text",
    "critic",
    "feature_closeness",
)
LIKE_PRICES: Final = 5
SAME_PRICE: Final = 0.05
"""Log prices no farther apart are nearly the same."""
SAME_AMONG: Final = 3
"""A copied text is looked for among so many of the nearest."""
ITEMS_PER_PIECE: Final = 4_096
"""Of the catalogue, whose texts are compared at once."""


@dataclass(frozen=True, slots=True)
class FieldMismatch:
    """A field that does not fit."""

    field: str
    value: Any
    usual: Any
    """What most of the items with such a text say; for a price their weighted mean."""
    share: float | None
    """Of them that say the same; None for a price."""


@dataclass(frozen=True, slots=True)
class ListingFigures:
    """Of C listings."""

    figures_CF: NDArray[np.float32]
    nearest_CK: NDArray[np.int32]
    """Catalogue rows of the items with the nearest texts, the nearest first."""
    cosine_CK: NDArray[np.float32]
    mismatches: Sequence[Sequence[FieldMismatch]]
    """Of each listing, the worst first."""


@dataclass(frozen=True, slots=True)
class CatalogueLore:
    """One state of the catalogue, to be asked by text. Nothing is read ahead: only what near items say is looked at."""

    frame: pl.DataFrame
    text_NE: Rows
    spec: FeatureSpec
    is_deleted_N: NDArray[np.bool_]

    def nearest(
        self, text_CE: NDArray[np.float32], own_rows_C: NDArray[np.int32], k: int = NEAREST
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Rows and cosines [C, K] of the nearest texts; a listing's own row is not among them, nor are deleted ones.

        Exact, in pieces of the catalogue: what it takes does not grow with it.
        """
        rows_N = np.flatnonzero(~self.is_deleted_N).astype(np.int32)
        k = min(k, max(0, len(rows_N) - 1))
        best_CK = np.empty((len(text_CE), 0), np.int32)
        cosine_CK = np.empty((len(text_CE), 0), np.float32)
        for start in range(0, len(rows_N), ITEMS_PER_PIECE):
            piece_X = rows_N[start : start + ITEMS_PER_PIECE]
            cosine_CX = text_CE @ self.text_NE[piece_X].astype(np.float32).T
            cosine_CX[own_rows_C[:, None] == piece_X] = -np.inf
            both_CX = np.concatenate([cosine_CK, cosine_CX], axis=1)
            rows_CX = np.concatenate([best_CK, np.broadcast_to(piece_X, cosine_CX.shape)], axis=1)
            largest_CK = np.argpartition(-both_CX, min(k, both_CX.shape[1] - 1), axis=1)[:, :k]
            best_CK = np.take_along_axis(rows_CX, largest_CK, axis=1)
            cosine_CK = np.take_along_axis(both_CX, largest_CK, axis=1)
        order_CK = np.argsort(-cosine_CK, axis=1, kind="stable")
        return np.take_along_axis(best_CK, order_CK, axis=1), np.take_along_axis(cosine_CK, order_CK, axis=1)

    def said(self, rows_CK: NDArray[np.int32]) -> dict[int, dict[str, Any]]:
        """What the items of these rows say."""
        rows = np.unique(rows_CK)
        return dict(zip(rows.tolist(), self.frame[rows].iter_rows(named=True), strict=True))


def listing_figures(
    lore: CatalogueLore,
    items: Sequence[dict[str, Any]],
    text_CE: NDArray[np.float32],
    features_CD: NDArray[np.float32],
    own_rows_C: NDArray[np.int32],
    *,
    item_features_ND: Rows,
    critic: RunsNetwork,
) -> ListingFigures:
    """Figures of listings as their fields stand; `features_CD` is what the item encoder makes of them.

    `own_rows_C`: rows of those that are in the catalogue already, else -1: no item speaks for itself.
    """
    figures, mismatches = [], []
    spec, names = lore.spec, _names(lore.spec)
    nearest_CK, cosine_CK = lore.nearest(text_CE, own_rows_C)
    said = lore.said(nearest_CK)
    by_network_C2 = _by_networks(nearest_CK, cosine_CK, features_CD, item_features_ND, critic)
    for number, item in enumerate(items):
        near_K, cosine_K = [said[row] for row in nearest_CK[number].tolist()], cosine_CK[number]
        weights_K = np.exp(SHARPNESS * (cosine_K - cosine_K.max(initial=0.0)))
        found = {
            name: _agreement([_value(near, name) for near in near_K], _value(item, name), weights_K) for name in names
        }
        labels = [found[name] for name in spec.label_columns if found[name].share >= 0]
        price = _price(np.array([_log_price(near) for near in near_K]), weights_K, _log_price(item))
        text = words_of(item.get("title"))
        brand_words = words_of(item.get("brand"))
        same = any(words_of(near.get("title")) == text for near in near_K[:SAME_AMONG]) if text else False
        figures.append(
            [
                found["category"].share,
                found["category"].below_best,
                found["category_first"].share,
                found["brand"].share,
                found["brand"].below_best,
                float(set(brand_words) <= set(text)) if brand_words else NO_FIELD,
                min((each.share for each in labels), default=NO_FIELD),
                max((each.below_best for each in labels), default=NO_FIELD),
                *price.figures,
                float(cosine_K.max(initial=0.0)),
                float(same),
                *by_network_C2[number],
            ]
        )
        mismatches.append(_mismatches(item, found, spec, price))
    return ListingFigures(np.array(figures, np.float32).reshape(-1, len(LISTING)), nearest_CK, cosine_CK, mismatches)


@dataclass(frozen=True, slots=True)
class _Agreement:
    share: float
    """Of the weight of near items that say the same; `NO_FIELD` where nothing can be said."""
    below_best: float
    """By how much the most said value has more."""
    best: Any


def _agreement(values_K: Sequence[Any], own: Any, weights_K: NDArray[np.float32]) -> _Agreement:
    weight_of: dict[Any, float] = {}
    for value, weight in zip(values_K, weights_K, strict=True):
        if value is not None:
            weight_of[value] = weight_of.get(value, 0.0) + float(weight)
    if own is None or not weight_of:
        return _Agreement(NO_FIELD, NO_FIELD, None)
    total = sum(weight_of.values())
    best = max(weight_of, key=lambda value: weight_of[value])
    share = weight_of.get(own, 0.0) / total
    return _Agreement(share, weight_of[best] / total - share, best)


@dataclass(frozen=True, slots=True)
class _PriceAgreement:
    """Of log prices; `NO_FIELD` where nothing can be said."""

    distance: float = NO_FIELD
    """To the near items' mean."""
    deviation: float = NO_FIELD
    """Of the near items."""
    surprise: float = NO_FIELD
    """The one over the other."""
    to_nearest: float = NO_FIELD
    """Distance to the price of the item with the nearest text: variants of one product cost the same."""
    to_like: float = NO_FIELD
    """Least distance to one of the nearest few."""
    share: float = NO_FIELD
    """Of the near items' weight that costs nearly the same."""
    mean: float = float("nan")

    @property
    def figures(self) -> tuple[float, ...]:
        """In the order of `LISTING`."""
        return self.distance, self.deviation, self.surprise, self.to_nearest, self.to_like, self.share


def _price(log_price_K: NDArray[np.float64], weights_K: NDArray[np.float32], own: float) -> _PriceAgreement:
    known_K = np.isfinite(log_price_K)
    if not np.isfinite(own) or known_K.sum() < 3:
        return _PriceAgreement()
    weights, prices = weights_K[known_K] / weights_K[known_K].sum(), log_price_K[known_K]
    mean = float((weights * prices).sum())
    deviation = float(np.sqrt((weights * np.square(prices - mean)).sum()))
    off = np.abs(own - prices)
    return _PriceAgreement(
        distance=abs(own - mean),
        deviation=deviation,
        surprise=abs(own - mean) / (deviation + 0.15),
        to_nearest=float(off[0]),
        to_like=float(off[:LIKE_PRICES].min()),
        share=float(weights[off < SAME_PRICE].sum()),
        mean=mean,
    )


def _by_networks(
    nearest_CK: NDArray[np.int32],
    cosine_CK: NDArray[np.float32],
    features_CD: NDArray[np.float32],
    item_features_ND: Rows,
    critic: RunsNetwork,
) -> NDArray[np.float64]:
    """Percentile of the critic's verdict on the listing among the near items, for one who wants such items; and the
    cosine of its feature with theirs, less what is usual among them. Zeros where nothing is near."""
    if nearest_CK.shape[1] == 0:
        return np.zeros((len(features_CD), 2))
    features_CKD = np.asarray(item_features_ND[nearest_CK], np.float32)
    weights_CK = np.exp(SHARPNESS * (cosine_CK - cosine_CK.max(axis=1, keepdims=True, initial=-2.0)))
    weights_CK /= weights_CK.sum(axis=1, keepdims=True)
    wanted_CD = np.einsum("ck,ckd->cd", weights_CK, features_CKD)
    asked_CXD = np.concatenate([features_CD[:, None], features_CKD], axis=1)
    verdict_CX = critic({"taste": wanted_CD, "candidates": asked_CXD})
    percentile_C = (verdict_CX[:, 1:] < verdict_CX[:, :1]).mean(axis=1)
    lengths_CX = np.linalg.norm(asked_CXD, axis=2) * np.linalg.norm(wanted_CD, axis=1, keepdims=True)
    alike_CX = np.einsum("cxd,cd->cx", asked_CXD, wanted_CD) / np.maximum(lengths_CX, 1e-9)
    return np.stack([percentile_C, alike_CX[:, 0] - (weights_CK * alike_CX[:, 1:]).sum(axis=1)], axis=1)


def _mismatches(
    item: dict[str, Any], found: dict[str, _Agreement], spec: FeatureSpec, price: _PriceAgreement
) -> list[FieldMismatch]:
    told = [
        (each.below_best, FieldMismatch(name, item[name], each.best, round(each.share, 4)))
        for name in ("brand", *spec.label_columns)
        if (each := found[name]).below_best > 0
    ]
    category = found["category"]
    if category.below_best > 0:
        told.append(
            (category.below_best, FieldMismatch("category", item["category"], category.best, round(category.share, 4)))
        )
    if price.surprise > 2.0:
        usual = round(float(np.expm1(price.mean)), 2)
        told.append((min(1.0, price.surprise / 4.0), FieldMismatch("price", item["price"], usual, None)))
    return [each for _, each in sorted(told, key=lambda pair: -pair[0])]


def _names(spec: FeatureSpec) -> tuple[str, ...]:
    return ("category", "category_first", "brand", *spec.label_columns)


def _value(item: dict[str, Any], name: str) -> Any:
    """The whole category path, its first level, or the value of a column; None where there is none."""
    if name == "category_first":
        prefixes = category_prefixes(item.get("category"))
        return prefixes[0] if prefixes else None
    return item.get(name) or None


def _log_price(item: dict[str, Any]) -> float:
    price = item.get("price")
    return float(np.log1p(price)) if price is not None else float("nan")
