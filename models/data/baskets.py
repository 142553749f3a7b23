"""Baskets: what one shopper took at one instant."""

# E events of all users

from typing import Any

import numpy as np
from numpy.typing import NDArray


def basket_numbers(users_E: NDArray[Any], timestamps_E: NDArray[np.int64]) -> NDArray[np.int64]:
    """Which of its user's baskets each event is of, from 0.

    Users' events stand together, oldest first. An event without an instant (-1) is a basket of its own.
    """
    begins_user_E = np.diff(users_E, prepend=-1) != 0
    begins_E = begins_user_E | (timestamps_E < 0)
    begins_E[1:] |= np.diff(timestamps_E) != 0
    begun_E = np.cumsum(begins_E)
    numbers_E: NDArray[np.int64] = begun_E - np.maximum.accumulate(np.where(begins_user_E, begun_E, 0))
    return numbers_E
