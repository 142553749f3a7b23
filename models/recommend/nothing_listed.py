"""Why a list is empty, in words."""

# N items, X items that were to be chosen from

import numpy as np
from numpy.typing import NDArray

from models.domain.filter import Filter
from models.recommend.attributes import AttributeTable


def why_nothing(
    attributes: AttributeTable,
    asked: Filter | None,
    *,
    include_out_of_stock: bool,
    rows_X: NDArray[np.int32] | None = None,
    called: str = "items",
) -> str:
    """The first reason that leaves nothing. `rows_X`: what was to be chosen from, if not every item; `called` so."""

    def is_any_left(part: Filter | None, *, out_of_stock: bool) -> bool:
        allowed_N = attributes.mask(part, include_out_of_stock=out_of_stock).allowed_N
        return bool(allowed_N.any() if rows_X is None else allowed_N[rows_X].any())

    if not is_any_left(None, out_of_stock=True):
        return f"nothing is listed: there are no {called} to choose from"
    if not is_any_left(asked, out_of_stock=True):
        return f"nothing is listed: the filter is true of none of the {called}"
    left = f"all {called}" if asked is None else f"all {called} that the filter is true of"
    if not is_any_left(asked, out_of_stock=include_out_of_stock):
        return f"nothing is listed: {left} are out of stock"
    return f"nothing is listed: {left} are excluded, disliked or were seen before"
