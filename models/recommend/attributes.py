"""What is known of each item, as a table that filters are asked of; replaced as a whole when anything changes."""

# N items

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.domain.attributes import Kinds, check_filter
from models.domain.filter import Filter
from models.recommend.filter_expressions import expression, kinds_of
from models.recommend.mask import Mask

MASKS_KEPT: Final = 64
"""Filters whose answer is remembered, for each state of the table: one byte an item each."""


@dataclass(frozen=True, eq=False)
class AttributeTable:
    """One row an item, in the order of the features' rows."""

    frame: pl.DataFrame
    """`item_id` and any attribute."""
    is_deleted_N: NDArray[np.bool_]
    """Items that the shop took out: still read in histories, never listed."""

    @classmethod
    def of(cls, frame: pl.DataFrame) -> "AttributeTable":
        """A table of which nothing is deleted."""
        return cls(frame, np.zeros(len(frame), np.bool_))

    @cached_property
    def kinds(self) -> Kinds:
        """What each field can be asked."""
        return kinds_of(self.frame.schema)

    @cached_property
    def in_stock_N(self) -> NDArray[np.bool_]:
        """False only where the catalogue says so: no column or no value means that there is stock."""
        if "in_stock" not in self.frame.columns:
            return np.ones(len(self.frame), np.bool_)
        return self.frame["in_stock"].cast(pl.Boolean).fill_null(value=True).to_numpy()

    def mask(self, asked: Filter | None, *, include_out_of_stock: bool) -> Mask:
        """What may be listed; raises RuleRefused for a filter that these attributes cannot answer."""
        return self._masks(asked, include_out_of_stock)

    def fits(self, asked: Filter) -> NDArray[np.bool_]:
        """Which items a filter is true of, whether they may be listed or not; raises RuleRefused."""
        return self._fits(asked)

    # The caches die with the table: another state of the catalogue has other masks. They hold its parts and not the
    # table itself, which would stay in memory until a collector of garbage came by.

    @cached_property
    def _masks(self) -> Callable[[Filter | None, bool], Mask]:
        return lru_cache(MASKS_KEPT)(partial(_evaluate, self.is_deleted_N, self.in_stock_N, self._fits))

    @cached_property
    def _fits(self) -> Callable[[Filter], NDArray[np.bool_]]:
        return lru_cache(MASKS_KEPT)(partial(_compare, self.frame, self.kinds))


def _compare(frame: pl.DataFrame, kinds: Kinds, asked: Filter) -> NDArray[np.bool_]:
    check_filter(asked, kinds)
    fits_N = np.array(frame.select(expression(asked, frame.schema)).to_series().to_numpy(), np.bool_)
    fits_N.flags.writeable = False
    return fits_N


def _evaluate(
    is_deleted_N: NDArray[np.bool_],
    in_stock_N: NDArray[np.bool_],
    fits: Callable[[Filter], NDArray[np.bool_]],
    asked: Filter | None,
    include_out_of_stock: bool,
) -> Mask:
    allowed_N = ~is_deleted_N
    if not include_out_of_stock:
        allowed_N &= in_stock_N
    if asked is not None:
        allowed_N &= fits(asked)
    return Mask.of(allowed_N)
