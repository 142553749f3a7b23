"""How much of a wish an event of each type shows, as neighbours count it."""

# T event types, E events

from collections.abc import Mapping
from typing import Any, Final

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


def in_units_of_strongest(
    weights: Mapping[EventType, float], event_types_E: NDArray[np.integer[Any]]
) -> dict[EventType, float]:
    """The weights beside that of the strongest type among these events, which becomes 1.

    Neighbours shrink by numbers of events: where nobody buys, a view must not count as a fifth of one.
    """
    strongest = max((weights.get(EVENT_TYPES[number], 1.0) for number in np.unique(event_types_E)), default=1.0)
    return {name: weight / strongest for name, weight in weights.items()}
