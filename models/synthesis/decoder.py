"""The decoder as serving asks it: features in, what products there would be out."""

# X features, D features' width, K categories, B brands, W words, Q price quantiles

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.bundle.read import Bundle
from models.domain.errors import ModelLacks
from models.features.spec import FeatureSpec
from models.recommend.candidates import RunsNetwork
from models.recommend.sessions import run_network
from models.synthesis.labels import DecoderLabels

FEATURES_PER_CALL: Final = 4_096
TRAIN_AGAIN: Final = "train it again, on a catalogue of 20 items or more with categories, brands, texts or prices"


@dataclass(frozen=True, slots=True)
class Decoded:
    """Of X features; a kind that the catalogue does not have is empty."""

    categories_XK: NDArray[np.float32]
    """Probabilities."""
    brands_XB: NDArray[np.float32]
    """Probabilities."""
    words_XW: NDArray[np.float32]
    """Probability of each word by itself."""
    prices_XQ: NDArray[np.float32]
    """Prices at `PRICE_QUANTILES`, rising."""


@dataclass(frozen=True, slots=True)
class Decoder:
    """Network and labels."""

    network: RunsNetwork
    labels: DecoderLabels
    log_price_mean: float
    log_price_deviation: float

    @classmethod
    def of(cls, network: RunsNetwork, labels: DecoderLabels, spec: FeatureSpec) -> "Decoder":
        """Prices are decoded by the scale of the spec."""
        return cls(network, labels, spec.log_price_mean, spec.log_price_deviation)

    @classmethod
    def open(cls, bundle: Bundle, threads: int = 1) -> "Decoder":
        """The decoder of a bundle; raises ModelLacks where it was trained without one."""
        table = bundle.decoder_labels()
        if table is None:
            raise ModelLacks("decoder", bundle.manifest.model_version, TRAIN_AGAIN)
        network = run_network(bundle.session("decoder", threads=threads))
        return cls.of(network, DecoderLabels.from_table(table), bundle.feature_spec)

    def decode(self, features_XD: NDArray[np.float32]) -> Decoded:
        """What products with these features would be; their lengths count for nothing."""
        pieces = [
            self.network({"features": features_XD[start : start + FEATURES_PER_CALL]})
            for start in range(0, len(features_XD), FEATURES_PER_CALL)
        ]
        outputs_X = np.concatenate(pieces) if pieces else np.zeros((0, self.labels.num_outputs), np.float32)
        ends = np.cumsum([len(self.labels.categories), len(self.labels.brands), len(self.labels.words)])
        categories_XK, brands_XB, words_XW, prices_XQ = np.split(outputs_X, ends, axis=1)
        logs_XQ = prices_XQ * self.log_price_deviation + self.log_price_mean
        return Decoded(
            categories_XK=_softmax(categories_XK),
            brands_XB=_softmax(brands_XB),
            words_XW=np.asarray(1.0 / (1.0 + np.exp(-np.clip(words_XW, -30, 30))), np.float32),
            # a price below zero is none
            prices_XQ=np.maximum(np.expm1(logs_XQ), 0.0),
        )

    def words_of(self, probabilities_W: NDArray[np.float32], num_words: int) -> Sequence[str]:
        """The words that tell most: likely here, and likelier here than anywhere."""
        shares_W = np.maximum(self.labels.word_shares_W, 1e-6)
        told_W = probabilities_W * np.log(np.maximum(probabilities_W, 1e-6) / shares_W)
        best = np.argsort(-told_W, kind="stable")[:num_words]
        return [self.labels.words[word] for word in best if told_W[word] > 0]


def _softmax(logits_XK: NDArray[np.float32]) -> NDArray[np.float32]:
    if logits_XK.shape[1] == 0:
        return logits_XK
    shares_XK = np.exp(logits_XK - logits_XK.max(axis=1, keepdims=True))
    return np.asarray(shares_XK / shares_XK.sum(axis=1, keepdims=True), np.float32)
