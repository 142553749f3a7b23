"""Boosted decision trees as plain arrays: asked with NumPy alone, and nothing to unpickle."""

# B rows, F figures, T trees, M nodes of the largest tree

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAF = -1


@dataclass(frozen=True, slots=True)
class BoostedTrees:
    """Log odds as the sum of what T trees say; made by `models.training.fit_trees`.

    Of an isolation forest the sum is how few splits set a row apart, which has no unit.
    """

    figure_TM: NDArray[np.int16]
    """Which figure a node looks at; -1 at a leaf."""
    threshold_TM: NDArray[np.float32]
    """Up to this, left."""
    left_TM: NDArray[np.int16]
    right_TM: NDArray[np.int16]
    value_TM: NDArray[np.float32]
    """What a leaf adds."""
    start: float
    """Before any tree."""
    depth: int

    def log_odds(self, figures_BF: NDArray[np.float32]) -> NDArray[np.float32]:
        """[B]."""
        trees_T = np.arange(len(self.figure_TM))
        node_BT = np.zeros((len(figures_BF), len(trees_T)), np.int16)
        rows_B1 = np.arange(len(figures_BF))[:, None]
        for _ in range(self.depth):
            figure_BT = self.figure_TM[trees_T, node_BT]
            value_BT = figures_BF[rows_B1, np.maximum(figure_BT, 0)]
            below_BT = value_BT <= self.threshold_TM[trees_T, node_BT]
            next_BT = np.where(below_BT, self.left_TM[trees_T, node_BT], self.right_TM[trees_T, node_BT])
            node_BT = np.where(figure_BT == LEAF, node_BT, next_BT)
        total_B: NDArray[np.float32] = self.start + self.value_TM[trees_T, node_BT].sum(axis=1, dtype=np.float64)
        return total_B.astype(np.float32)

    def blended(self, other: "BoostedTrees", num_figures: int, weights: tuple[float, float]) -> "BoostedTrees":
        """The weighted sum of these trees and of others, whose figures stand after the `num_figures` of these."""
        most_nodes = max(self.figure_TM.shape[1], other.figure_TM.shape[1])

        def joined(mine_TM: NDArray[Any], theirs_TM: NDArray[Any]) -> NDArray[Any]:
            return np.concatenate(
                [np.pad(each, ((0, 0), (0, most_nodes - each.shape[1]))) for each in (mine_TM, theirs_TM)]
            )

        moved_TM = np.where(other.figure_TM == LEAF, LEAF, other.figure_TM + num_figures).astype(np.int16)
        return BoostedTrees(
            figure_TM=joined(self.figure_TM, moved_TM),
            threshold_TM=joined(self.threshold_TM, other.threshold_TM),
            left_TM=joined(self.left_TM, other.left_TM),
            right_TM=joined(self.right_TM, other.right_TM),
            value_TM=joined(np.float32(weights[0]) * self.value_TM, np.float32(weights[1]) * other.value_TM),
            start=weights[0] * self.start + weights[1] * other.start,
            depth=max(self.depth, other.depth),
        )

    def arrays(self, prefix: str) -> dict[str, NDArray[Any]]:
        """Everything, for one file of arrays."""
        return {f"{prefix}{each.name}": np.asarray(getattr(self, each.name)) for each in fields(self)}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]], prefix: str) -> "BoostedTrees":
        """As `arrays` gave it away. Raises KeyError or ValueError for what is no such thing."""
        found = {each.name: arrays[f"{prefix}{each.name}"] for each in fields(cls)}
        start, depth = float(found.pop("start")), int(found.pop("depth"))
        shapes = {each.shape for each in found.values()}
        if len(shapes) != 1 or len(next(iter(shapes))) != 2:
            raise ValueError(f"{prefix}: the arrays of trees have shapes {sorted(shapes)}")
        return cls(**found, start=start, depth=depth)
