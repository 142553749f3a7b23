"""Why items are neighbours, before the reasons are weighed: what mixtures of one shrinkage share."""

# N items

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from models.baselines.borrowed import borrowed, lenders
from models.baselines.co_occurrence import CoOccurrence
from models.baselines.lookup import Lookup

if TYPE_CHECKING:
    from scipy.sparse import csr_array

TARGET_SHRINK: Final = 10.0
TARGET_POWER: Final = -0.1
CONTENT_POWER: Final = 1.5
_TINY: Final = 1e-12


def weighted_sum(weights: Sequence[float], voices_NN: Sequence["csr_array"]) -> "csr_array":
    """One sum for each pair of items, in the order of the voices."""
    total_NN = weights[0] * voices_NN[0]
    for weight, voice_NN in zip(weights[1:], voices_NN[1:], strict=True):
        total_NN = total_NN + weight * voice_NN
    return total_NN.tocsr()


@dataclass(frozen=True, slots=True)
class Loan:
    """What items borrow, and the scale by which it becomes a voice."""

    voice_NN: "csr_array"
    scale: float
    lent: Lookup
    """What share of each other's co-occurrence an item borrows, on that scale."""


@dataclass(frozen=True, slots=True)
class Voices:
    """Each voice of each pair of items but the borrowed one, which follows from weights.

    Co-occurrence is scaled so that the mean item's forward voices sum to 1, content and what is borrowed so that all of
    theirs do.
    """

    content_NN: "csr_array"
    source_N: NDArray[np.float32]
    target_N: NDArray[np.float32]
    taken_NN: tuple["csr_array", "csr_array", "csr_array"]
    """Forward, late, backward."""
    alike_NN: "csr_array"
    content_scale: float
    said: tuple[Lookup, ...]
    """These four by their places."""
    _loans: dict[tuple[float, float, float], Loan] = field(default_factory=dict)
    """The last one, by its weights."""

    @classmethod
    def of(cls, pairs: CoOccurrence, content_NN: "csr_array", shrink: float, shrink_power: float) -> "Voices":
        """An item's pairs are divided by (its events + shrink)^power."""
        from scipy.sparse import diags_array

        source_N = (pairs.counts_N + shrink) ** -shrink_power
        target_N = (pairs.counts_N + TARGET_SHRINK) ** TARGET_POWER
        total = (diags_array(source_N) @ pairs.forward_NN @ diags_array(target_N)).sum()
        source_N = (source_N / max(float(total) / len(source_N), _TINY)).astype(np.float32)
        source_NN, target_NN = diags_array(source_N), diags_array(target_N.astype(np.float32))
        taken_NN = (
            (source_NN @ pairs.forward_NN @ target_NN).tocsr(),
            (source_NN @ pairs.late_NN @ target_NN).tocsr(),
            (source_NN @ pairs.forward_NN.T @ target_NN).tocsr(),
        )
        powered_NN = content_NN.copy()
        powered_NN.data **= CONTENT_POWER
        mean_alike = max(float(powered_NN.sum()) / len(source_N), _TINY)
        alike_NN = (powered_NN / mean_alike).tocsr()
        for voice_NN in (*taken_NN, alike_NN):
            # sorted rows are added several times as fast
            voice_NN.sum_duplicates()
        return cls(
            content_NN=content_NN,
            source_N=source_N,
            target_N=target_N.astype(np.float32),
            taken_NN=taken_NN,
            alike_NN=alike_NN,
            content_scale=1.0 / mean_alike,
            said=tuple(Lookup.of(voice_NN) for voice_NN in (*taken_NN, alike_NN)),
        )

    def borrowed(self, forward: float, late: float, backward: float) -> Loan:
        """What goes with the items most alike, co-occurrence weighed so."""
        weights = (forward, late, backward)
        if weights not in self._loans:
            self._loans.clear()
            taken_NN = weighted_sum(weights, self.taken_NN)
            lenders_NN = lenders(self.content_NN)
            borrowed_NN = borrowed(lenders_NN, taken_NN)
            scale = 1.0 / max(float(borrowed_NN.sum()) / len(self.source_N), _TINY)
            lent = Lookup.of(lenders_NN * np.float32(scale))
            self._loans[weights] = Loan(borrowed_NN * np.float32(scale), scale, lent)
        return self._loans[weights]
