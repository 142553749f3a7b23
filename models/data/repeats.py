"""How often shoppers come back for the same item, and what follows for recommendations."""

from typing import Final

import numpy as np

from models.data.sequences import Sequences

EXCLUDE_SEEN_BELOW_REPEAT_SHARE: Final = 0.1
"""Below this share of repeats, items of the history are left out of recommendations unless the caller says otherwise.

Groceries and office supplies lie far above it (to hide what is bought weekly would be wrong), books and cosmetics far
below.
"""


def repeat_share(sequences: Sequences) -> float:
    """Share of events, 0 to 1, whose item the same user had before; 0 without events."""
    if sequences.num_events == 0:
        return 0.0
    users_E = sequences.users_of_events_E()
    num_items = int(sequences.item_rows_E.max()) + 1
    num_first = len(np.unique(users_E * num_items + sequences.item_rows_E))
    return 1.0 - num_first / sequences.num_events


def exclude_seen_by_default(share: float) -> bool:
    """Whether seen items are left out where nobody decided it."""
    return share < EXCLUDE_SEEN_BELOW_REPEAT_SHARE
