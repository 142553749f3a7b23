"""Kinds of products, by which a list is held against a history."""

# N items

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.metrics.calibration import UNKNOWN


def taste_groups(catalogue: pl.DataFrame) -> NDArray[np.int32]:
    """A number for each item's category path, or brand where the catalogue has no categories [N]; -1 unknown."""
    for column in ("category", "brand"):
        if column in catalogue.columns and catalogue[column].drop_nulls().len():
            numbers = catalogue[column].replace("", None).rank("dense").cast(pl.Int32) - 1
            return numbers.fill_null(UNKNOWN).to_numpy().astype(np.int32)
    return np.full(len(catalogue), UNKNOWN, np.int32)
