"""Neighbours from co-occurrence and content, in the mixture that finds most on validation events."""

# N items, M neighbours an item, V voices, U users

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from models.baselines.best_of_rows import best_of_rows
from models.baselines.borrowed import borrowed, lenders
from models.baselines.co_occurrence import CoOccurrence
from models.baselines.interest import interest_of_types
from models.baselines.lookup import Lookup
from models.baselines.neighbours import VOICES, Neighbours
from models.domain.events import EVENT_WEIGHTS, EventType
from models.domain.item_rows import NO_ITEM

if TYPE_CHECKING:
    from scipy.sparse import csr_array

NEIGHBOURS_PER_ITEM: Final = 100
TARGET_SHRINK: Final = 10.0
TARGET_POWER: Final = -0.1
CONTENT_POWER: Final = 1.5
_TINY: Final = 1e-12


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
        """Each item's best `per_item` by the weighted sum of voices; `pairs` count the config's `interest_T`.

        Co-occurrence is scaled so that the mean item's forward voices sum to 1, content and what is borrowed so that
        all of theirs do.
        """
        from scipy.sparse import diags_array

        source_N = (pairs.counts_N + config.shrink) ** -config.shrink_power
        target_N = (pairs.counts_N + TARGET_SHRINK) ** TARGET_POWER
        total = (diags_array(source_N) @ pairs.forward_NN @ diags_array(target_N)).sum()
        source_N = (source_N / max(float(total) / len(source_N), _TINY)).astype(np.float32)
        source_NN, target_NN = diags_array(source_N), diags_array(target_N.astype(np.float32))
        alike_NN = content_NN.copy()
        alike_NN.data **= CONTENT_POWER
        mean_alike = max(float(alike_NN.sum()) / len(source_N), _TINY)
        voices = [
            (source_NN @ pairs.forward_NN @ target_NN).tocsr(),
            (source_NN @ pairs.late_NN @ target_NN).tocsr(),
            (source_NN @ pairs.forward_NN.T @ target_NN).tocsr(),
            alike_NN / mean_alike,
        ]
        weights = [1.0 - config.late, config.late, config.backward, config.content, config.borrowed]
        lent, scale = None, 0.0
        if config.borrowed > 0:
            taken_NN = sum(weight * voice_NN for weight, voice_NN in zip(weights[:3], voices[:3], strict=True)).tocsr()
            lenders_NN = lenders(content_NN)
            borrowed_NN = borrowed(lenders_NN, taken_NN)
            scale = 1.0 / max(float(borrowed_NN.sum()) / len(source_N), _TINY)
            voices.append(borrowed_NN * np.float32(scale))
            lent = Lookup.of(lenders_NN * np.float32(scale))
        weights_V = np.array(weights, np.float32)
        # nothing is borrowed at weight 0: that voice is not there then
        total_NN = sum(weight * voice_NN for weight, voice_NN in zip(weights, voices, strict=False)).tocsr()
        rows_NM, _ = best_of_rows(total_NN.indptr.astype(np.int64), total_NN.indices, total_NN.data, per_item)
        present_NM = rows_NM != NO_ITEM
        voices_NMV = np.zeros((*rows_NM.shape, len(VOICES)), np.float32)
        of_items_X = np.nonzero(present_NM)[0].astype(np.int32)
        for number, voice_NN in enumerate(voices):
            voices_NMV[present_NM, number] = Lookup.of(voice_NN).at(of_items_X, rows_NM[present_NM])
        neighbours = Neighbours(
            rows_NM,
            voices_NMV,
            weights_V,
            config.history_window,
            config.age_decay,
            content_scale=1.0 / mean_alike,
            borrowed_scale=scale,
            interest_T=config.interest_T,
        )
        return cls(neighbours, source_N, target_N.astype(np.float32), lent)


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
