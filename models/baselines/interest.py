"""How much of a wish an event of each type shows, as neighbours count it."""

# T event types

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.domain.events import EVENT_TYPES, EventType

ALIKE: Final[NDArray[np.float32]] = np.ones(len(EVENT_TYPES), np.float32)
"""Every event counts the same [T]."""


def interest_of_types(weights: Mapping[EventType, float], power: float = 1.0) -> NDArray[np.float32]:
    """Interest [T] in the order of `EVENT_TYPES`: each weight to this power, so 0 counts all alike.

    Types that are no history count as if they were: nobody asks.
    """
    return np.array([weights.get(name, 1.0) ** power for name in EVENT_TYPES], np.float32)
