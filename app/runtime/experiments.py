"""Which variant of an experiment a shopper is in: the same one each time, without a table of who is where."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, Final

from models.domain.errors import UnknownName


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One way of making lists."""

    variant_id: str
    weight: float = 1.0
    """Its share of the shoppers is its part of all weights."""
    overrides: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the request → what they are in this variant, whatever the request says."""


NOT_SET_UP: Final = (Variant(variant_id="a"), Variant(variant_id="b"))
"""An experiment that the service was told nothing of: the caller does something different for each."""
MOST_NOT_SET_UP: Final = 100
"""Variants of such experiments that are counted; any caller can make up more."""


class Experiments:
    """Draws variants."""

    def __init__(self, set_up: Mapping[str, Sequence[Variant]]) -> None:
        """`set_up`: experiment id → its variants, at least one with a weight."""
        self._set_up = set_up
        self._not_set_up: set[tuple[str, str]] = set()

    def variant(self, experiment_id: str, variant_id: str | None, unit: str) -> Variant:
        """The named variant, else the one that `unit` (whoever asks) is always in. Raises UnknownName."""
        variants = self._set_up.get(experiment_id)
        if variant_id is None:
            return _drawn(experiment_id, variants or NOT_SET_UP, unit)
        if variants is None:
            return Variant(variant_id=variant_id)
        for variant in variants:
            if variant.variant_id == variant_id:
                return variant
        raise UnknownName("variant", variant_id, [variant.variant_id for variant in variants])

    def is_counted(self, experiment_id: str, variant_id: str) -> bool:
        """Whether sums are kept for it: always where it is set up, else for the first hundred that come."""
        pair = (experiment_id, variant_id)
        if experiment_id in self._set_up or pair in self._not_set_up:
            return True
        if len(self._not_set_up) >= MOST_NOT_SET_UP:
            return False
        self._not_set_up.add(pair)
        return True


def _drawn(experiment_id: str, variants: Sequence[Variant], unit: str) -> Variant:
    """By a digest of both, so that who is in one variant here is in no particular one of another experiment."""
    digest = hashlib.sha256(f"{len(experiment_id)}:{experiment_id}:{unit}".encode()).digest()
    borders = list(accumulate(variant.weight for variant in variants))
    place = int.from_bytes(digest[:8], "big") / 2**64 * borders[-1]
    return next((one for one, border in zip(variants, borders, strict=True) if place < border), variants[-1])
