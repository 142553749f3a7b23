"""One order from a query and a shopper: first what has more of the query's words, then reciprocal ranks of both.

Reciprocal rank fusion alone (Cormack and others, SIGIR 2009) lets a history outweigh the words that were asked for.
Recall@10 of what was taken next, on validation events of Amazon Beauty, where the query is its category (1,491 events),
brand and category (800), two words of its title (800), or its title (300):

                             category   + brand   two words   title
    text alone                  .121      .632       .824     1.000
    history alone               .151
    both, by ranks alone        .361      .438       .534      .490
    both, words first           .437      .756       .905     1.000
"""

# P items of the list, X items that ranks are counted among

from typing import Final

import numpy as np
from numpy.typing import NDArray

SMOOTHING: Final = 60.0
"""The published constant; 30 and 120 find no more."""
HISTORY_WEIGHT: Final = 2.0
"""What a shopper's own order counts against the text's."""
POPULARITY_WEIGHT: Final = 1.0
"""The same for what is popular, where there is no history."""
WORDS_WEIGHT: Final = 0.95
"""Of a score, for the words: ranks decide between items that have the same words, or as good as."""


def reciprocal_ranks(values_P: NDArray[np.float32], among_X: NDArray[np.float32]) -> NDArray[np.float64]:
    """1 for what nothing is better than, less for each that is [P].

    Counted among what a query finds when nothing is left out, so that a rule never reorders what it leaves. What is
    worse than all of those goes on below them by its value. `among_X` holds something.
    """
    ranks_P = np.searchsorted(np.sort(-among_X), -values_P, side="left").astype(np.float64)
    least, most = float(among_X.min()), float(among_X.max())
    # in 64 bits, which hold the distance of any two values of 32
    below_P = np.maximum(least - values_P.astype(np.float64), 0.0) / max(most - least, 1e-6)
    return np.asarray(SMOOTHING / (SMOOTHING + ranks_P + len(among_X) * below_P))


def fused(first_P: NDArray[np.float64], second_P: NDArray[np.float64], second_weight: float) -> NDArray[np.float64]:
    """One rank in (0, 1] from two."""
    return np.asarray((first_P + second_weight * second_P) / (1.0 + second_weight))


def words_first(
    coverage_P: NDArray[np.float32], among_X: NDArray[np.float32], ranks_P: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Scores in (0, 1]; where no item has a word of the query, ranks decide alone."""
    most = float(among_X.max(initial=0.0))
    if most <= 0.0:
        return ranks_P.astype(np.float32)
    return np.asarray(WORDS_WEIGHT * coverage_P / most + (1.0 - WORDS_WEIGHT) * ranks_P, np.float32)
