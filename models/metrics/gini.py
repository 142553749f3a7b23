"""How unevenly items are listed. Apart from the other measures, as a service needs it and has no SciPy."""

# N items

import numpy as np
from numpy.typing import NDArray


def gini(times_N: NDArray[np.int64], num_items: int) -> float:
    """Gini coefficient of how often each of `num_items` items was listed: 0 evenly, towards 1 all places to one item.

    `times_N` may leave out items that were never listed. If it has more items than there are, some of which are gone by
    now, they count too. 0 where nothing was listed.
    """
    shown_N = np.sort(times_N[times_N > 0])
    if not len(shown_N):
        return 0.0
    num_items = max(num_items, len(shown_N))
    # items that were never listed come first in the order, with a count of nothing
    ranks_N = np.arange(num_items - len(shown_N) + 1, num_items + 1)
    return float((2 * ranks_N - num_items - 1) @ shown_N / (num_items * shown_N.sum()))
