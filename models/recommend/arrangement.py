"""A ranked list as the shop wants it arranged: boosts, then limits, then diversity, then the cut."""

# P items in the order of relevance, K places, D features

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pyversity import mmr

ValuesOf = Callable[[str, NDArray[np.int32]], Sequence[Any]]
"""An attribute of some item rows."""
Weigher = Callable[[NDArray[np.int32]], NDArray[np.float64]]
"""What each item row's score is multiplied by."""


DIVERSE_AMONG: Final = 100
"""Where at least so many of the best may be listed, `diversity` arranges these first, and what stands below them only
after the last of them: the longest list of one answer can be chosen from so many."""


def _no_values(name: str, _: NDArray[np.int32]) -> Sequence[Any]:
    raise KeyError(name)


@dataclass(frozen=True, slots=True)
class Arrangement:
    """What is done with a list once its order of relevance is known."""

    weigh: Weigher | None = None
    max_per: Mapping[str, int] = field(default_factory=dict)
    values_of: ValuesOf = _no_values
    diversity: float = 0.0

    @property
    def keeps_order(self) -> bool:
        """Whether the list is only cut."""
        return self.weigh is None and not self.max_per and self.diversity == 0.0

    def is_settled_by(self, rows_P: NDArray[np.int32], k: int) -> bool:
        """Whether these best rows alone make the list of `k`, whatever stands below them."""
        if self.weigh is not None or (self.diversity > 0 and len(rows_P) < DIVERSE_AMONG):
            return False
        num_admitted = len(Limits(self.max_per, self.values_of).admitted(rows_P, k)) if self.max_per else len(rows_P)
        return num_admitted >= k

    def arranged(
        self,
        rows_P: NDArray[np.int32],
        scores_P: NDArray[np.float32],
        k: int,
        features_of: Callable[[NDArray[np.int32]], NDArray[np.float32]],
        num_first: int = 0,
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Places in the given list of the at most `k` that are kept, in their new order, and the scores of all P.

        `num_first`: how many of the given are the best, so that others stand below them, however long the list is.
        """
        places = np.arange(len(rows_P))
        if self.weigh is not None:
            weighed_P = scores_P * self.weigh(rows_P)
            # a score stays within 0 and 1; all of a list by the same factor, so that they stay comparable
            scores_P = (weighed_P / max(1.0, float(weighed_P.max(initial=0.0)))).astype(np.float32)
            places = np.argsort(-scores_P, kind="stable")
        if self.max_per:
            limits = Limits(self.max_per, self.values_of)
            places = places[limits.admitted(rows_P[places])]
        if self.diversity > 0:
            is_first = places < (num_first if self.weigh is None and num_first >= DIVERSE_AMONG else 0)
            chosen: list[NDArray[np.int64]] = []
            for part in (places[is_first], places[~is_first]):
                kept = min(k - sum(map(len, chosen)), len(part))
                if kept > 0:
                    found = mmr(features_of(rows_P[part]), scores_P[part], kept, self.diversity)
                    chosen.append(part[found.indices])
            places = np.concatenate([places[:0], *chosen])
        return places[:k].astype(np.int64), scores_P


AS_RANKED: Final = Arrangement()


class Limits:
    """Counts what a list holds of each value; goes on where it left off."""

    def __init__(self, max_per: Mapping[str, int], values_of: ValuesOf) -> None:
        self._max_per = max_per
        self._values_of = values_of
        self._counts: dict[tuple[str, Any], int] = {}

    def admitted(self, rows_P: NDArray[np.int32], most: int | None = None) -> NDArray[np.int64]:
        """Places of the first rows, `most` at most, that exceed no limit together with all that was admitted before."""
        columns = {name: self._values_of(name, rows_P) for name in self._max_per}
        admitted: list[int] = []
        for place in range(len(rows_P)):
            if most is not None and len(admitted) >= most:
                break
            keys = [(name, values[place]) for name, values in columns.items() if values[place] is not None]
            if all(self._counts.get(key, 0) < self._max_per[key[0]] for key in keys):
                admitted.append(place)
                for key in keys:
                    self._counts[key] = self._counts.get(key, 0) + 1
        return np.array(admitted, np.int64)
