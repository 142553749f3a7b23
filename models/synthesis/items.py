"""Catalogue rows that no shop has: generated features, decoded."""

# X items, A items that are there, K categories, B brands, W words, Q price quantiles, Z noise

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.domain.events import EVENT_TYPES
from models.domain.progress import NoProgress, Progress
from models.recommend.question import EncodedHistory
from models.synthesis.decoder import Decoder
from models.synthesis.labels import PRICE_QUANTILES
from models.synthesis.walk import Beginning
from models.synthesis.workshop import Workshop

_PURCHASE: Final = EVENT_TYPES.index("purchase")
ITEMS_PER_BLOCK: Final = 1_024
"""Each has a chance for every word that the decoder knows: more at once would be gigabytes."""


def make_items(
    workshop: Workshop,
    begin: Beginning,
    num_items: int,
    seed: int,
    progress: Progress = NoProgress(),  # noqa: B008 - stateless
) -> pl.DataFrame:
    """Rows of the dataset format's `catalogue`, each labelled synthetic; the same for the same seed.

    Each is a wish of a shopper of the segment; without one, of a made-up shopper who took one item. That item is drawn
    from all, popular or not: a catalogue is not what sells most of it. Raises ModelLacks.
    """
    return pl.concat(item_frames(workshop, begin, num_items, seed, progress))


def item_frames(
    workshop: Workshop, begin: Beginning, num_items: int, seed: int, progress: Progress
) -> Iterator[pl.DataFrame]:
    """The same, some rows at a time: there may be more than memory holds."""
    decoder, has_titles = workshop.decoder, _has_titles(workshop)
    progress.start("making items", total=num_items)
    for number, first in enumerate(range(0, num_items, ITEMS_PER_BLOCK)):
        size, rng = min(ITEMS_PER_BLOCK, num_items - first), np.random.default_rng([seed, number])
        noise_X1Z = rng.standard_normal((size, 1, workshop.noise_size)).astype(np.float32)
        _, wishes_X1D = workshop.wishes(_shoppers(workshop, begin, size, rng), noise_X1Z)
        item_ids = [f"synthetic-{seed}-{item}" for item in range(first, first + size)]
        rows = _rows(decoder, wishes_X1D[:, 0], item_ids, rng)
        yield rows if has_titles else rows.drop("title", strict=False)  # the words are those of descriptions
        progress.advance(size)
    progress.finish()


def _has_titles(workshop: Workshop) -> bool:
    frame = workshop.recommender.catalogue.attributes.frame
    return "title" in frame.columns and frame["title"].count() > 0


def _shoppers(workshop: Workshop, begin: Beginning, num_items: int, rng: np.random.Generator) -> list[EncodedHistory]:
    if begin.histories:
        return [begin.histories[place] for place in rng.integers(len(begin.histories), size=num_items)]
    may_begin = workshop.listed_rows_A[begin.shares_A > 0]
    one = (np.array([_PURCHASE], np.int8), np.array([-1], np.int64))
    return [(np.array([row], np.int32), *one) for row in rng.choice(may_begin, num_items)]


def _rows(
    decoder: Decoder, features_XD: NDArray[np.float32], item_ids: Sequence[str], rng: np.random.Generator
) -> pl.DataFrame:
    """A category, a brand, words and a price drawn for each feature; a column that the catalogue lacks is left out."""
    decoded, labels = decoder.decode(features_XD), decoder.labels
    columns: dict[str, Sequence[str] | NDArray[np.float64]] = {"item_id": item_ids}
    has_word_XW = rng.random(decoded.words_XW.shape) < decoded.words_XW
    # those that tell most come first
    told_XW = decoded.words_XW * -np.log(np.maximum(labels.word_shares_W, 1e-6))
    if labels.words:
        columns["title"] = [
            " ".join(labels.words[word] for word in np.argsort(-told_W, kind="stable") if has_W[word])
            for told_W, has_W in zip(told_XW, has_word_XW, strict=True)
        ]
    for name, known, shares_XK in (
        ("category", labels.categories, decoded.categories_XK),
        ("brand", labels.brands, decoded.brands_XB),
    ):
        if known:
            columns[name] = [known[place] for place in _drawn(shares_XK, rng)]
    if labels.has_price:
        columns["price"] = _prices(decoded.prices_XQ, rng)
    return pl.DataFrame(columns).with_columns(synthetic=True)


def _drawn(shares_XK: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.int64]:
    mass_XK = shares_XK.cumsum(axis=1, dtype=np.float64)
    drawn_X1 = rng.random((len(shares_XK), 1)) * mass_XK[:, -1:]
    return np.asarray(np.minimum((mass_XK <= drawn_X1).sum(axis=1), shares_XK.shape[1] - 1))


def _prices(prices_XQ: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float64]:
    """Drawn between the quantiles, on a log scale: what lies outside is left out."""
    first, last = PRICE_QUANTILES[0], PRICE_QUANTILES[-1]
    at_X = first + rng.random(len(prices_XQ)) * (last - first)
    logs_XQ = np.log1p(prices_XQ)
    drawn_X = [np.interp(at, PRICE_QUANTILES, logs_Q) for at, logs_Q in zip(at_X, logs_XQ, strict=True)]
    return np.asarray(np.round(np.expm1(np.array(drawn_X)), 2))
