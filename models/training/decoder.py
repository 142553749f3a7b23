"""Fitting the decoder on real items, and how often it is right about items that it has not seen."""

# N items, D features, K categories, B brands, W words, Q price quantiles, H held-out items

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from models.features.spec import CATEGORY_SEPARATOR, FeatureSpec
from models.networks.decoder import Decoder
from models.networks.in_process import runs_in_process
from models.synthesis.decoder import Decoder as ServedDecoder
from models.synthesis.labels import PRICE_QUANTILES, DecoderLabels, item_words

MIN_ITEMS: Final = 20
"""With fewer, nothing could be held out that says anything."""
HELD_OUT_SHARE: Final = 0.1
MAX_HELD_OUT: Final = 2_000
MIN_STEPS: Final = 300
MAX_STEPS: Final = 1_200
PASSES: Final = 60
"""Over the items; fewer steps than the least would not learn a small catalogue, more than the most gain nothing."""
ITEMS_PER_STEP: Final = 256
LEARNING_RATE: Final = 2e-3
WEIGHT_DECAY: Final = 0.05
BLUR: Final = 0.3
"""Deviation of the noise on each direction, in the items' own deviations: generated features lie between real ones."""
WORD_WEIGHT: Final = 0.3
NUM_WORDS: Final = 5
NO_LABEL: Final = -1


@dataclass(frozen=True, slots=True)
class FittedDecoder:
    """What a bundle carries of it."""

    network: Decoder
    labels: DecoderLabels
    figures: Mapping[str, float]
    """On items held out of its fit; each beside what copying from the nearest item that was not held out gives."""


@dataclass(frozen=True, slots=True)
class _Truth:
    """What the catalogue says of N items, in the decoder's terms."""

    category_N: Tensor
    brand_N: Tensor
    words_NW: Tensor
    log_price_N: Tensor
    """Standardised; NaN where there is none."""

    @classmethod
    def of(cls, catalogue: pl.DataFrame, labels: DecoderLabels, spec: FeatureSpec) -> "_Truth":
        words_NW = torch.zeros(len(catalogue), len(labels.words), dtype=torch.uint8)
        place_of = {word: place for place, word in enumerate(labels.words)}
        for row, item in enumerate(catalogue.iter_rows(named=True)):
            words_NW[row, [place_of[word] for word in item_words(item, spec) if word in place_of]] = 1
        log_price_N = torch.full((len(catalogue),), torch.nan)
        if labels.has_price:
            prices_N = catalogue["price"].cast(pl.Float64).to_numpy()
            standard_N = (np.log1p(prices_N) - spec.log_price_mean) / spec.log_price_deviation
            log_price_N = torch.from_numpy(standard_N.astype(np.float32))
        return cls(
            category_N=_places(catalogue, "category", labels.categories),
            brand_N=_places(catalogue, "brand", labels.brands),
            words_NW=words_NW,
            log_price_N=log_price_N,
        )


def fit_decoder(
    features_ND: NDArray[np.float32],
    content_ND: NDArray[np.float32],
    catalogue: pl.DataFrame,
    spec: FeatureSpec,
    seed: int,
) -> FittedDecoder | None:
    """A decoder of items with identity and of items by content alone; None where there is too little to learn.

    A tenth of the items is held out of its fit, though not of the item encoder's, and measured by content alone.
    """
    labels = DecoderLabels.of(catalogue, spec)
    if len(catalogue) < MIN_ITEMS or labels.num_outputs == 0:
        return None
    torch.manual_seed(seed)
    truth = _Truth.of(catalogue, labels, spec)
    held_H, rest = _held_out(len(catalogue), seed)
    both_2ND = torch.stack([torch.from_numpy(np.array(features_ND)), torch.from_numpy(content_ND)])
    network = _fitted(both_2ND, truth, rest, labels)
    served = ServedDecoder.of(runs_in_process(network), labels, spec)
    return FittedDecoder(network, labels, _figures(served, content_ND, catalogue, spec, (held_H, rest.numpy())))


def _fitted(both_2ND: Tensor, truth: _Truth, rest: Tensor, labels: DecoderLabels) -> Decoder:
    sizes = (
        len(labels.categories),
        len(labels.brands),
        len(labels.words),
        len(PRICE_QUANTILES) if labels.has_price else 0,
    )
    network = Decoder(embedding_size=both_2ND.shape[-1], sizes=sizes)
    network.standardise_by(both_2ND[:, rest].flatten(0, 1))
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    steps = min(MAX_STEPS, max(MIN_STEPS, PASSES * len(rest) // ITEMS_PER_STEP))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
    for _ in range(steps):
        items = rest[torch.randint(len(rest), (ITEMS_PER_STEP,))]
        features = both_2ND[torch.randint(2, (ITEMS_PER_STEP,)), items]
        blurred = functional.normalize(features, dim=-1)
        blurred = blurred + BLUR * network.feature_deviation * torch.randn_like(blurred)
        loss = _loss(network(blurred), truth, items, sizes)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimizer.step()
        schedule.step()
    return network.eval()


def _loss(outputs: Tensor, truth: _Truth, items: Tensor, sizes: tuple[int, int, int, int]) -> Tensor:
    """The sum over the kinds that the catalogue has; an item without a label of a kind says nothing about it."""
    categories, brands, words, prices = torch.split(outputs, list(sizes), dim=1)
    loss = outputs.sum() * 0.0
    for logits, place_N in ((categories, truth.category_N), (brands, truth.brand_N)):
        known = place_N[items] != NO_LABEL
        if logits.shape[1] and bool(known.any()):
            loss = loss + functional.cross_entropy(logits[known], place_N[items][known])
    if words.shape[1]:
        of_words = functional.binary_cross_entropy_with_logits(words, truth.words_NW[items].float(), reduction="none")
        loss = loss + WORD_WEIGHT * of_words.sum(dim=1).mean()
    known = ~truth.log_price_N[items].isnan()
    if prices.shape[1] and bool(known.any()):
        error = truth.log_price_N[items][known][:, None] - prices[known]
        quantiles = torch.tensor(PRICE_QUANTILES)
        loss = loss + torch.maximum(quantiles * error, (quantiles - 1) * error).sum(dim=1).mean()
    return loss


def _held_out(num_items: int, seed: int) -> tuple[NDArray[np.int64], Tensor]:
    order = np.random.default_rng(seed).permutation(num_items)
    num_held = min(MAX_HELD_OUT, max(2, round(HELD_OUT_SHARE * num_items)))
    return np.sort(order[:num_held]), torch.from_numpy(np.sort(order[num_held:]))


def _places(catalogue: pl.DataFrame, name: str, labels: Sequence[str]) -> Tensor:
    place_of = {label: place for place, label in enumerate(labels)}
    values = catalogue[name].to_list() if name in catalogue.columns else [None] * len(catalogue)
    return torch.tensor([place_of.get(value or "", NO_LABEL) for value in values], dtype=torch.int64)


def _figures(
    decoder: ServedDecoder,
    content_ND: NDArray[np.float32],
    catalogue: pl.DataFrame,
    spec: FeatureSpec,
    parts: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> dict[str, float]:
    """Shares of the held-out items that have such an attribute at all; `nearest_…` copies from the nearest other."""
    held_H, rest = parts
    decoded, labels = decoder.decode(content_ND[held_H]), decoder.labels
    units_ND = content_ND / np.maximum(np.linalg.norm(content_ND, axis=1, keepdims=True), 1e-9)
    copied_H = rest[(units_ND[held_H] @ units_ND[rest].T).argmax(axis=1)]
    figures: dict[str, float] = {"held_out_items": float(len(held_H))}
    for name, known, shares_HK in (
        ("category", labels.categories, decoded.categories_XK),
        ("brand", labels.brands, decoded.brands_XB),
    ):
        if known:
            values = catalogue[name].to_list()
            told = [known[place] for place in shares_HK.argmax(axis=1)]
            figures |= _right(name, values, held_H, told, copied_H, lambda value: value)
            if name == "category":
                figures |= _right("category_top", values, held_H, told, copied_H, _top)
    if labels.words:
        texts = [set(item_words(item, spec)) for item in catalogue.iter_rows(named=True)]
        said = [
            np.mean([float(word in texts[row]) for word in decoder.words_of(words_W, NUM_WORDS)] or [0.0])
            for row, words_W in zip(held_H, decoded.words_XW, strict=True)
        ]
        figures["words"] = float(np.mean(said))
    if labels.has_price:
        prices_N = catalogue["price"].cast(pl.Float64).to_numpy()
        prices_H, known_H = prices_N[held_H], np.isfinite(prices_N[held_H])
        inside_H = (decoded.prices_XQ[:, 0] <= prices_H) & (prices_H <= decoded.prices_XQ[:, -1])
        if known_H.any():
            figures["price_inside"] = float(inside_H[known_H].mean())
    return figures


def _right(
    name: str,
    values: Sequence[str | None],
    held_H: NDArray[np.int64],
    told: Sequence[str],
    copied_H: NDArray[np.int64],
    read: Callable[[str], str],
) -> dict[str, float]:
    pairs = [
        (read(value), read(said), values[copied])
        for value, said, copied in zip([values[row] for row in held_H], told, copied_H, strict=True)
        if value
    ]
    if not pairs:
        return {}
    return {
        name: float(np.mean([value == said for value, said, _ in pairs])),
        f"nearest_{name}": float(np.mean([copied is not None and value == read(copied) for value, _, copied in pairs])),
    }


def _top(category: str) -> str:
    return category.partition(CATEGORY_SEPARATOR)[0]
