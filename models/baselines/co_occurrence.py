"""Ordered pairs: which item is taken after which, and how soon, in everybody's histories."""

# E events, N items, U users

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from models.baselines.interest import ALIKE
from models.data.sequences import Sequences

if TYPE_CHECKING:
    from scipy.sparse import csr_array

MAX_WINDOW: Final = 50
MIN_WINDOW: Final = 5
MAX_PAIRS: Final = 10_000_000
"""Most pairs that are counted: they lie in memory together, so larger data looks less far ahead."""
DISTANCE_POWER: Final = -0.5
PLACES_OF_LATE: Final = 3.0
"""A pair whose later item stands this many places before its sequence's end is 1/e as late as one at the end."""


@dataclass(frozen=True, slots=True)
class CoOccurrence:
    """Sums over all pairs of one user's events, row: the earlier item, column: the later one."""

    forward_NN: "csr_array"
    """Each pair counts its distance^−½."""
    late_NN: "csr_array"
    """The same pairs, in the same places, each counting e^(−places to the end / 3) of that: what is taken lately."""
    counts_N: NDArray[np.float32]
    """Events of each item, each counting its interest."""

    @classmethod
    def fit(cls, train: Sequences, num_items: int, interest_T: NDArray[np.float32] = ALIKE) -> "CoOccurrence":
        """Every pair of training events at most `pair_window` apart, counting the interest of both."""
        from scipy.sparse import coo_array

        pairs = list(_pairs(train, pair_window(train.num_events)))
        earlier, later = (np.concatenate([train.item_rows_E[pair[side]] for pair in pairs]) for side in (0, 1))
        interest_E = interest_T[train.event_types_E]
        weights = np.concatenate(
            [pair_weights(pair[1] - pair[0]) * interest_E[pair[0]] * interest_E[pair[1]] for pair in pairs]
        )
        late_E = lateness_E(train)
        lateness = np.concatenate([late_E[pair[1]] for pair in pairs])
        shape = (num_items, num_items)
        return cls(
            forward_NN=coo_array((weights, (earlier, later)), shape=shape).tocsr(),
            late_NN=coo_array((weights * lateness, (earlier, later)), shape=shape).tocsr(),
            counts_N=np.bincount(train.item_rows_E, interest_E, minlength=num_items).astype(np.float32),
        )


def pair_window(num_events: int) -> int:
    """How many events apart two events still make a pair."""
    return min(MAX_WINDOW, max(MIN_WINDOW, MAX_PAIRS // max(1, num_events)))


def pair_weights(distances: NDArray[np.int64]) -> NDArray[np.float32]:
    """What a pair at this distance (1 and more) counts."""
    return np.asarray(distances**DISTANCE_POWER, np.float32)


def lateness_E(sequences: Sequences) -> NDArray[np.float32]:
    """1 at each user's newest event, falling to 0 towards the oldest."""
    places_E = np.repeat(sequences.offsets_U1[1:], sequences.lengths_U) - np.arange(sequences.num_events) - 1
    return np.exp(-places_E / PLACES_OF_LATE).astype(np.float32)


def _pairs(sequences: Sequences, window: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Numbers of the earlier and the later events, one distance after the other."""
    users_E = sequences.users_of_events_E()
    events_E = np.arange(sequences.num_events)
    yield events_E[:0], events_E[:0]
    for distance in range(1, min(window, int(sequences.lengths_U.max(initial=0)) - 1) + 1):
        together = users_E[distance:] == users_E[:-distance]
        yield events_E[:-distance][together], events_E[distance:][together]
