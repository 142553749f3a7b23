"""What imagining stands on: the networks of a bundle, and the items of the shop by content alone."""

# N items, A items that are there, B shoppers, S samples, D features, Z noise, T a taste and its samples

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.bundle import layout
from models.bundle.read import Bundle
from models.domain.attributes import check_filter
from models.domain.errors import BundleCorrupt, ModelLacks, NothingListed
from models.domain.filter import Filter
from models.domain.stages import timed
from models.features.histories import encode_histories
from models.features.spec import FeatureSpec
from models.recommend.candidates import CandidateSource
from models.recommend.question import EncodedHistory
from models.recommend.ranker import USERS_PER_CALL
from models.recommend.recommender import Recommender
from models.synthesis.decoder import TRAIN_AGAIN, Decoder
from models.synthesis.habits import Habits


@dataclass(frozen=True, eq=False)
class Workshop:
    """Of one state of the shop; what takes time is made when it is first asked for."""

    recommender: Recommender

    @property
    def bundle(self) -> Bundle:
        """That the recommender was opened from."""
        return self.recommender.items.origin.bundle

    @property
    def spec(self) -> FeatureSpec:
        """Of the bundle."""
        return self.recommender.ranker.spec

    @property
    def source(self) -> CandidateSource:
        """Generator, critic and the features that both know."""
        return self.recommender.ranker.source

    @property
    def model_version(self) -> str:
        """Of the bundle."""
        return self.recommender.model_version

    @cached_property
    def decoder(self) -> Decoder:
        """Raises ModelLacks where the bundle was made without one."""
        return Decoder.open(self.bundle)

    @cached_property
    def habits(self) -> Habits:
        """Raises ModelLacks where the bundle was made without them."""
        path = self.bundle.folder / layout.SESSIONS
        if not path.is_file():
            raise ModelLacks("counts of how sessions go", self.model_version, TRAIN_AGAIN)
        try:
            return Habits.load(path)
        except (OSError, ValueError, KeyError) as error:
            raise BundleCorrupt(path, f"no counts of sessions ({error})") from error

    @property
    def noise_size(self) -> int:
        """Width of the generator's noise."""
        return self.recommender.manifest.noise_size

    @property
    def temperature(self) -> float:
        """Of the softmax that walks draw from; validation events chose it, where there were any."""
        return float(self.recommender.manifest.metrics.get("synthesis", {}).get("temperature", 1.0))

    def provenance(self, seed: int) -> dict[str, Any]:
        """Where something that does not exist comes from, as JSON."""
        return {
            "synthetic": True,
            "model_version": self.model_version,
            "index_version": self.recommender.index_version,
            "seed": seed,
        }

    @cached_property
    def listed_rows_A(self) -> NDArray[np.int32]:
        """Rows of the items that the shop has not taken out. Raises NothingListed where it has taken out all."""
        rows_A = np.flatnonzero(~self.recommender.catalogue.attributes.is_deleted_N).astype(np.int32)
        if not len(rows_A):
            raise NothingListed
        return rows_A

    @cached_property
    def features_AD(self) -> NDArray[np.float32]:
        """Features of the listed items, as lists are made by."""
        return np.asarray(self.source.item_features_ND[self.listed_rows_A], np.float32)

    @cached_property
    def content_AD(self) -> NDArray[np.float32]:
        """Directions of the listed items by content alone.

        An item's identity says who bought it; what does not exist yet has none, so this is where it can be compared.
        Only items whose content the shop wrote are encoded here, those of the bundle once for all states of the shop.
        """
        items, rows_A = self.recommender.items, self.listed_rows_A
        is_own_A = items.is_own_N[rows_A]
        content_AD = np.empty((len(rows_A), self.source.item_features_ND.shape[1]), np.float32)
        content_AD[~is_own_A] = items.origin.content_ND[rows_A[~is_own_A]]
        if is_own_A.any():
            own = rows_A[is_own_A]
            frame = self.recommender.catalogue.attributes.frame[own]
            text_CE = np.asarray(items.text_NE[own], np.float16)
            content_AD[is_own_A] = items.origin.encoder.encode(frame, text_CE).features_CD
        return directions(content_AD)

    def wishes(
        self, histories: Sequence[EncodedHistory], noise_BSZ: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Tastes [B, D] and generated features [B, S, D], each of length 1; histories of at least one event."""
        pieces = []
        for start in range(0, len(histories), USERS_PER_CALL):
            batch = encode_histories(
                histories[start : start + USERS_PER_CALL],
                max_events=self.spec.max_history_events,
                uses_time=self.spec.uses_time,
            )
            with timed("generate"):  # where work that nobody waits for any more ends
                pieces.append(self.source.generate(batch, noise_BSZ[start : start + USERS_PER_CALL]))
        generated_BTD = np.concatenate(pieces)
        return generated_BTD[:, 0], generated_BTD[:, 1:]

    def fitting_rows(self, asked: Filter) -> NDArray[np.bool_]:
        """Which rows a segment's filter is true of; raises RuleRefused for what this catalogue cannot be asked."""
        attributes = self.recommender.catalogue.attributes
        check_filter(asked, attributes.kinds, ("segment", "filter"))
        return attributes.fits(asked)


def directions(features_XD: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of length 1; a row of zeros stays one."""
    lengths_X1 = np.linalg.norm(features_XD, axis=1, keepdims=True)
    return np.asarray(features_XD / np.maximum(lengths_X1, 1e-9), np.float32)
