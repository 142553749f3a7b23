"""The items of a shop by id and by row, with their attributes, as they are at one moment."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.domain.errors import UnknownName
from models.domain.filter import Filter
from models.recommend.attributes import AttributeTable


@dataclass(frozen=True, eq=False)
class Catalogue:
    """Never changed: another state of the shop is another catalogue."""

    item_ids: Sequence[str]
    """By row."""
    row_of: Mapping[str, int]
    attributes: AttributeTable

    @classmethod
    def of(cls, frame: pl.DataFrame) -> "Catalogue":
        """The catalogue of a table with `item_id`."""
        item_ids = frame["item_id"].to_list()
        return cls(item_ids, {item_id: row for row, item_id in enumerate(item_ids)}, AttributeTable.of(frame))

    @property
    def property_names(self) -> Sequence[str]:
        """Columns that an answer can carry."""
        return [name for name in self.attributes.frame.columns if name != "item_id"]

    def properties_of(self, item_rows: Sequence[int], names: Sequence[str]) -> list[dict[str, Any]]:
        """Values of each item; raises UnknownName for a column that is not there."""
        known = self.property_names
        for name in names:
            if name not in known:
                raise UnknownName("property", name, list(known))
        columns = [self.values_of(name, np.asarray(item_rows, np.int32)) for name in names]
        return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)] or [{}] * len(item_rows)

    def rows_of(self, item_ids: Iterable[str]) -> NDArray[np.int32]:
        """Rows of those that the catalogue has."""
        return np.array([self.row_of[item_id] for item_id in item_ids if item_id in self.row_of], np.int32)

    def values_of(self, name: str, rows: NDArray[np.int32]) -> Sequence[Any]:
        """One column of some rows."""
        return self.attributes.frame[name][rows].to_list()  # a third of what `gather` takes

    def fits(self, asked: Filter, rows: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Which of some rows a filter is true of."""
        return self.attributes.fits(asked)[rows]
