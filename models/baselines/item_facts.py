"""What is known of each item beside its feature: how it sells, its brand and its place in the categories."""

# N items, P category levels, E events

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.baselines.co_occurrence import lateness_E
from models.data.repeats import is_repeat_E
from models.data.sequences import Sequences
from models.features.spec import category_prefixes

UNKNOWN: Final = -1
_SAVED: Final = ("late_N", "repeats_N", "brand_N", "category_NP")


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """Arrays over the catalogue."""

    events_N: NDArray[np.float32]
    """Training events."""
    late_N: NDArray[np.float32]
    """The same, each counting its lateness in its shopper's sequence (`lateness_E`)."""
    repeats_N: NDArray[np.float32]
    """Those whose shopper had the item before."""
    brand_N: NDArray[np.int32]
    """Number of the brand, -1 where unknown."""
    category_NP: NDArray[np.int32]
    """Number of the category prefix at each level, -1 below the deepest that is known."""

    @classmethod
    def fit(cls, catalogue: pl.DataFrame, train: Sequences) -> "ItemFacts":
        """Count training events; number brands and categories of the catalogue."""
        num_items = len(catalogue)

        def counted(weights_E: NDArray[np.float32] | None) -> NDArray[np.float32]:
            return np.bincount(train.item_rows_E, weights_E, minlength=num_items).astype(np.float32)

        return cls(
            events_N=counted(None),
            late_N=counted(lateness_E(train)),
            repeats_N=counted(is_repeat_E(train).astype(np.float32)),
            brand_N=_brands(catalogue),
            category_NP=_categories(catalogue),
        )

    def save(self, path: Path) -> None:
        """Write an .npz file of everything but `events_N`, which has a file of its own."""
        with path.open("wb") as file:
            np.savez(file, **{name: getattr(self, name) for name in _SAVED})

    @classmethod
    def load(cls, path: Path, events_N: NDArray[np.float32]) -> "ItemFacts":
        """The saved facts; raises OSError, KeyError or ValueError where the file is not what `save` wrote."""
        try:
            # opened here, because NumPy leaves the file open where it is no archive
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                saved = {name: arrays[name] for name in _SAVED}
        except zipfile.BadZipFile as error:
            raise ValueError(str(error)) from error
        for name, array in saved.items():
            if len(array) != len(events_N):
                raise ValueError(f"{name} has {len(array)} rows, not {len(events_N)}")
        return cls(events_N=events_N, **saved)


def _brands(catalogue: pl.DataFrame) -> NDArray[np.int32]:
    if "brand" not in catalogue.columns:
        return np.full(len(catalogue), UNKNOWN, np.int32)
    return _numbered(catalogue["brand"].to_list())


def _categories(catalogue: pl.DataFrame) -> NDArray[np.int32]:
    if "category" not in catalogue.columns:
        return np.full((len(catalogue), 1), UNKNOWN, np.int32)
    paths = [category_prefixes(category) for category in catalogue["category"].to_list()]
    depth = max(1, max(map(len, paths), default=1))
    levels = [_numbered([path[level] if level < len(path) else None for path in paths]) for level in range(depth)]
    return np.stack(levels, axis=1)


def _numbered(names: list[str | None]) -> NDArray[np.int32]:
    """A number for each distinct name, -1 where there is none."""
    number_of = {name: number for number, name in enumerate(dict.fromkeys(name for name in names if name))}
    return np.array([number_of.get(name or "", UNKNOWN) for name in names], np.int32)
