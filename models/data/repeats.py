"""How often shoppers come back for the same item, and what follows for recommendations."""

# E events

from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.data.sequences import Sequences
from models.domain.events import HISTORY_EVENT_TYPES

EXCLUDE_SEEN_BELOW_REPEAT_SHARE: Final = 0.1
"""Below this share of repeats, items of the history are left out of recommendations unless the caller says otherwise.

Groceries and office supplies lie far above it (to hide what is bought weekly would be wrong), books and cosmetics far
below.
"""


def is_repeat_E(sequences: Sequences) -> NDArray[np.bool_]:
    """Whether the same user had each event's item before."""
    num_items = int(sequences.item_rows_E.max(initial=0)) + 1
    first_E = np.unique(sequences.users_of_events_E() * num_items + sequences.item_rows_E, return_index=True)[1]
    repeats_E = np.ones(sequences.num_events, np.bool_)
    repeats_E[first_E] = False
    return repeats_E


def repeat_share(sequences: Sequences) -> float:
    """Share of events, 0 to 1, whose item the same user had before; 0 without events."""
    return float(is_repeat_E(sequences).mean()) if sequences.num_events else 0.0


def repeat_share_of_events(events: pl.DataFrame) -> float:
    """The same of `Dataset.events`, of those that are history, without building sequences."""
    history = events.filter(pl.col("event_type").is_in(list(HISTORY_EVENT_TYPES)))
    users, items = (history[name].to_physical().cast(pl.UInt64) for name in ("user_id", "item_id"))
    return 1 - (users * 2**32 + items).n_unique() / len(history) if len(history) else 0.0


def exclude_seen_by_default(share: float) -> bool:
    """Whether seen items are left out where nobody decided it."""
    return share < EXCLUDE_SEEN_BELOW_REPEAT_SHARE
