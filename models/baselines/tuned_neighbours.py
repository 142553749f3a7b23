"""Neighbours from co-occurrence and content, in the mixture that finds most on validation events."""

# N items, M neighbours an item, V voices, U users

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from models.baselines.best_of_rows import best_of_rows
from models.baselines.co_occurrence import CoOccurrence
from models.baselines.interest import interest_of_types
from models.baselines.lookup import Lookup
from models.baselines.neighbours import VOICES, Neighbours
from models.baselines.voices import Voices, weighted_sum
from models.domain.events import EVENT_WEIGHTS, EventType
from models.domain.item_rows import NO_ITEM

if TYPE_CHECKING:
    from scipy.sparse import csr_array

NEIGHBOURS_PER_ITEM: Final = 100


@dataclass(frozen=True, slots=True)
class MixtureConfig:
    """What the grid chooses; the defaults are where it starts."""

    late: float = 0.4
    """Share of the forward weight that goes by lateness."""
    backward: float = 0.2
    """Weight of what came before an item, relative to what came after it."""
    shrink: float = 10.0
    shrink_power: float = 0.5
    """An item's pairs are divided by (its events + shrink)^power: frequent items say less with each."""
    content: float = 0.7
    """Weight of content^1.5, relative to co-occurrence, both scaled to the same mean sum."""
    borrowed: float = 0.0
    """Weight of what goes with the items most alike by content, scaled like content."""
    history_window: int = 10
    age_decay: float = 0.6
    event_weights: tuple[tuple[EventType, float], ...] = tuple(EVENT_WEIGHTS.items())
    """What an event of each type counts in pairs and in the history that asks; the shop may say otherwise."""
    event_weights_power: float = 1.0
    """Chosen with the rest: 0 counts all alike, more than 1 makes weak signals weaker."""

    @property
    def interest_T(self) -> NDArray[np.float32]:
        """The weights to their power, in the order of `EVENT_TYPES`."""
        return interest_of_types(dict(self.event_weights), self.event_weights_power)

    def as_dict(self) -> dict[str, Any]:
        """For the manifest."""
        return {**asdict(self), "event_weights": dict(self.event_weights)}


GRID: Final[tuple[dict[str, Any], ...]] = (
    {"content": 0.0},
    {"content": 0.3},
    {"content": 1.4},
    {"backward": 0.5},
    {"backward": 1.0},
    {"late": 0.0},
    {"shrink": 30.0, "shrink_power": 0.6},
    {"shrink": 5.0, "shrink_power": 0.3},
    {"history_window": 20, "age_decay": 0.75},
    {"history_window": 20, "age_decay": 0.9},
    {"content": 0.3},
    {"content": 1.0},
    {"borrowed": 0.5},
    {"borrowed": 1.0},
)
"""One step after the other, kept where it finds more."""
EVENT_GRID: Final[tuple[dict[str, Any], ...]] = (
    {"event_weights_power": 0.0},
    {"event_weights_power": 0.5},
    {"event_weights_power": 2.0},
)
"""The steps before those, where histories hold events of several types."""


@dataclass(frozen=True, slots=True)
class Mixture:
    """Neighbours, and the scales by which a pair becomes a voice: training takes a shopper's own pairs out again."""

    neighbours: Neighbours
    source_N: NDArray[np.float32]
    target_N: NDArray[np.float32]
    lent: Lookup | None
    """What share of each other's co-occurrence an item borrows, on the scale of its voice; None if nothing does."""

    @classmethod
    def fit(
        cls,
        pairs: CoOccurrence,
        content_NN: "csr_array",
        config: MixtureConfig,
        per_item: int = NEIGHBOURS_PER_ITEM,
    ) -> "Mixture":
        """Each item's best `per_item` by the weighted sum of voices; `pairs` count the config's `interest_T`."""
        return cls.of(Voices.of(pairs, content_NN, config.shrink, config.shrink_power), config, per_item)

    @classmethod
    def of(cls, voices: Voices, config: MixtureConfig, per_item: int = NEIGHBOURS_PER_ITEM) -> "Mixture":
        """Each item's best `per_item` by the weighted sum of voices that were made with the config's shrinkage."""
        weights = [1.0 - config.late, config.late, config.backward, config.content]
        voices_NN, said = [*voices.taken_NN, voices.alike_NN], list(voices.said)
        loan = voices.borrowed(weights[0], config.late, config.backward) if config.borrowed > 0 else None
        if loan is not None:
            weights.append(config.borrowed)
            voices_NN.append(loan.voice_NN)
            said.append(Lookup.of(loan.voice_NN))
        total_NN = weighted_sum(weights, voices_NN)
        rows_NM, _ = best_of_rows(total_NN.indptr.astype(np.int64), total_NN.indices, total_NN.data, per_item)
        present_NM = rows_NM != NO_ITEM
        voices_NMV = np.zeros((*rows_NM.shape, len(VOICES)), np.float32)
        of_items_X = np.nonzero(present_NM)[0].astype(np.int32)
        for number, voice in enumerate(said):
            voices_NMV[present_NM, number] = voice.at(of_items_X, rows_NM[present_NM])
        weights_V = np.zeros(len(VOICES), np.float32)
        weights_V[: len(weights)] = weights
        neighbours = Neighbours(
            rows_NM,
            voices_NMV,
            weights_V,
            config.history_window,
            config.age_decay,
            content_scale=voices.content_scale,
            borrowed_scale=loan.scale if loan else 0.0,
            interest_T=config.interest_T,
        )
        return cls(neighbours, voices.source_N, voices.target_N, loan.lent if loan else None)


def choose_mixture(
    score: Callable[[MixtureConfig], float], start: MixtureConfig, grid: Sequence[Mapping[str, Any]] = GRID
) -> Iterator[tuple[MixtureConfig, float, bool]]:
    """Each setting tried, what it scored, and whether it is the best so far; the last best one wins."""
    best = start
    best_score = score(best)
    yield best, best_score, True
    for step in grid:
        tried = replace(best, **step)
        if tried == best:
            continue
        scored = score(tried)
        better = scored > best_score
        yield tried, scored, better
        if better:
            best, best_score = tried, scored
