"""Which items are meant, as one flag an item."""

# N items, A allowed items

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """Items that may be listed."""

    allowed_N: NDArray[np.bool_]
    count: int

    @classmethod
    def of(cls, allowed_N: NDArray[np.bool_]) -> "Mask":
        """The mask of these flags, which nobody changes any more."""
        allowed_N.flags.writeable = False
        return cls(allowed_N, int(allowed_N.sum()))

    def rows(self) -> NDArray[np.int32]:
        """The rows that are meant [A]."""
        return np.flatnonzero(self.allowed_N).astype(np.int32)
