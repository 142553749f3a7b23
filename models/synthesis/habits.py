"""How sessions begin, how long they are and how fast they go on: sums over all shoppers, which name none of them."""

# N items, L lengths, T event types, Q quantiles

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.data.sequences import Sequences
from models.domain.events import EVENT_TYPES

MAX_LENGTH: Final = 200
"""Longer histories count as this long: few are, and a made-up one of thousands of events serves nobody."""
NUM_QUANTILES: Final = 101
DAY_SECONDS: Final = 86_400


@dataclass(frozen=True, slots=True)
class Habits:
    """Counts; what is drawn from them follows their shares."""

    first_N: NDArray[np.int64]
    """How many histories begin with each item."""
    lengths_L: NDArray[np.int64]
    """How many histories have 0, 1 … `MAX_LENGTH` events."""
    first_types_T: NDArray[np.int64]
    """How many begin with each type of event."""
    type_steps_TT: NDArray[np.int64]
    """How often each type follows each."""
    gap_quantiles_Q: NDArray[np.float64]
    """Seconds between two events of one history; days where times only stand for positions."""

    @classmethod
    def fit(cls, train: Sequences, num_items: int) -> "Habits":
        """Of these histories."""
        lengths_U = train.lengths_U
        begun = np.flatnonzero(lengths_U > 0)
        first_E = train.offsets_U1[begun]
        # pairs of neighbours within one history
        is_later_E = np.ones(train.num_events, np.bool_)
        is_later_E[first_E] = False
        later_E = np.flatnonzero(is_later_E)
        type_steps_TT = np.zeros((len(EVENT_TYPES), len(EVENT_TYPES)), np.int64)
        np.add.at(type_steps_TT, (train.event_types_E[later_E - 1], train.event_types_E[later_E]), 1)
        gaps = train.timestamps_E[later_E] - train.timestamps_E[later_E - 1]
        gaps = gaps[(train.timestamps_E[later_E - 1] >= 0) & (gaps >= 0)]
        return cls(
            first_N=np.bincount(train.item_rows_E[first_E], minlength=num_items).astype(np.int64),
            lengths_L=np.bincount(np.minimum(lengths_U[begun], MAX_LENGTH), minlength=MAX_LENGTH + 1).astype(np.int64),
            first_types_T=np.bincount(train.event_types_E[first_E], minlength=len(EVENT_TYPES)).astype(np.int64),
            type_steps_TT=type_steps_TT,
            gap_quantiles_Q=np.quantile(gaps, np.linspace(0, 1, NUM_QUANTILES))
            if len(gaps)
            else np.full(NUM_QUANTILES, float(DAY_SECONDS)),
        )

    def save(self, path: Path) -> None:
        """As arrays under their names."""
        np.savez(
            path,
            first_N=self.first_N,
            lengths_L=self.lengths_L,
            first_types_T=self.first_types_T,
            type_steps_TT=self.type_steps_TT,
            gap_quantiles_Q=self.gap_quantiles_Q,
        )

    @classmethod
    def load(cls, path: Path) -> "Habits":
        """What `save` wrote; raises OSError, ValueError or KeyError for anything else."""
        with np.load(path, allow_pickle=False) as arrays:
            return cls(**{name: arrays[name] for name in cls.__dataclass_fields__})
