"""Sparse co-occurrence as serving reads it: a few neighbours an item, no more than NumPy needed."""

# N items, M neighbours an item, B users, L events, H events that count, C candidates, X contributions

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.baselines.best_of_rows import best_of_rows
from models.domain.item_rows import NO_ITEM


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What tends to be taken near each item, and how a history asks for it."""

    rows_NM: NDArray[np.int32]
    """Best first, -1 where an item has fewer than M neighbours."""
    weights_NM: NDArray[np.float32]
    """Above 0; 0 where there is no neighbour."""
    history_window: int
    """The newest events that count."""
    age_decay: float
    """An event counts this much less than the one after it."""

    @property
    def num_items(self) -> int:
        """Number of items."""
        return len(self.rows_NM)

    @property
    def most_scored(self) -> int:
        """More candidates than this no history can have."""
        return self.history_window * int(self.rows_NM.shape[1])

    def scores(self, history_rows_BL: NDArray[np.int32], num: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """The `num` best candidates [B, C] of each history, -1 beyond the last, and their scores, there 0.

        Histories are right-aligned item rows, -1 on the left where they are shorter. Nothing is left out: the
        history's own items are there if they are each other's neighbours. A user's answer does not depend on who else
        is in the batch.
        """
        recent_BH = history_rows_BL[:, max(0, history_rows_BL.shape[1] - self.history_window) :]
        num_users, num_recent = recent_BH.shape
        age_H = np.arange(num_recent - 1, -1, -1)
        rows_BHM = np.where((recent_BH != NO_ITEM)[..., None], self.rows_NM[recent_BH], NO_ITEM)
        weights_BHM = self.weights_NM[recent_BH] * (self.age_decay**age_H)[None, :, None]
        users_X = np.broadcast_to(np.arange(num_users)[:, None, None], rows_BHM.shape)
        present_X = rows_BHM != NO_ITEM
        keys_X = users_X[present_X] * np.int64(self.num_items) + rows_BHM[present_X]
        keys, places_X = np.unique(keys_X, return_inverse=True)
        # summed in 64 bits and always newest last, so that company cannot change a rounding
        totals = np.bincount(places_X, weights=weights_BHM[present_X], minlength=len(keys))
        offsets_B1 = np.searchsorted(keys, np.arange(num_users + 1) * np.int64(self.num_items))
        return best_of_rows(
            offsets_B1.astype(np.int64),
            (keys % max(1, self.num_items)).astype(np.int32),
            totals.astype(np.float32),
            num,
        )

    def save(self, path: Path) -> None:
        """Write an .npz file."""
        with path.open("wb") as file:
            np.savez(
                file,
                rows=self.rows_NM,
                weights=self.weights_NM,
                history_window=np.int64(self.history_window),
                age_decay=np.float64(self.age_decay),
            )

    @classmethod
    def load(cls, path: Path) -> "Neighbours":
        """The saved neighbours; raises OSError, KeyError or ValueError where the file is not what `save` wrote."""
        try:
            # opened here, because NumPy leaves the file open where it is no archive
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                neighbours = cls(
                    rows_NM=arrays["rows"],
                    weights_NM=arrays["weights"],
                    history_window=int(arrays["history_window"]),
                    age_decay=float(arrays["age_decay"]),
                )
        except zipfile.BadZipFile as error:
            raise ValueError(str(error)) from error
        rows_NM, weights_NM = neighbours.rows_NM, neighbours.weights_NM
        if rows_NM.ndim != 2 or rows_NM.dtype != np.int32 or weights_NM.dtype != np.float32:
            raise ValueError(f"rows are {rows_NM.dtype} of shape {rows_NM.shape}, weights are {weights_NM.dtype}")
        if rows_NM.size and not NO_ITEM <= rows_NM.min() <= rows_NM.max() < len(rows_NM):
            raise ValueError(f"a neighbour's row is outside of the {len(rows_NM)} items")
        return neighbours
