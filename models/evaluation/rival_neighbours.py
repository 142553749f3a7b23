"""Neighbours of rivals that learn from them or list theirs: chosen on validation events, as a bundle's are."""

# N items

from dataclasses import dataclass

from scipy.sparse import csr_array

from models.baselines.co_occurrence import CoOccurrence
from models.baselines.content_neighbours import content_neighbours
from models.baselines.tuned_neighbours import Mixture, MixtureConfig
from models.data.sequences import Sequences
from models.evaluation.rival_data import RivalData
from models.training.choose_neighbours import choose_neighbours
from models.training.encoded_catalogue import EncodedCatalogue, encode_catalogue


def rival_catalogue(data: RivalData) -> EncodedCatalogue:
    """As the bundle's networks read it; once for all rivals of these events."""
    training = data.training
    return data.fitted_once(
        "catalogue", lambda: encode_catalogue(data.dataset, training.text_encoder, training.cache, data.progress)
    )


@dataclass(frozen=True, slots=True)
class RivalNeighbours:
    """A choice that every fit of one rival shares: that of all training events, and that of its judge's lists."""

    content_NN: csr_array
    mixture: MixtureConfig

    @classmethod
    def of(cls, data: RivalData) -> "RivalNeighbours":
        """By co-occurrence and content, chosen once for all rivals of these events."""
        return data.fitted_once(
            "neighbours", lambda: cls.choose(data, content_neighbours(rival_catalogue(data).content))
        )

    @classmethod
    def choose(cls, data: RivalData, content_NN: csr_array) -> "RivalNeighbours":
        """The mixture that finds most; of co-occurrence alone where `content_NN` is empty."""
        mixture = choose_neighbours(
            data.train,
            content_NN,
            data.validation,
            start=MixtureConfig(event_weights=data.training.event_weights),
            exclude_seen=data.exclude_seen,
            seed=data.seed,
            progress=data.progress,
        )
        return cls(content_NN, mixture)

    def fit(self, train: Sequences) -> Mixture:
        """The neighbours of these events."""
        pairs = CoOccurrence.fit(train, self.content_NN.shape[0], self.mixture.interest_T)
        return Mixture.fit(pairs, self.content_NN, self.mixture)
