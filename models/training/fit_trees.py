"""Boosted trees, fitted."""

# B rows, F figures, T trees, M nodes of the largest tree

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import GradientBoostingClassifier, IsolationForest

from models.fraud.trees import LEAF, BoostedTrees

NUM_TREES: Final = 120
NUM_ISOLATING: Final = 200
DEPTH: Final = 4
SHRINKAGE: Final = 0.08
FIGURES_TRIED: Final = 0.35
"""Share of the figures that each split chooses among."""
ROWS_TRIED: Final = 0.6
LEAST_IN_LEAF: Final = 15


def fit_trees(
    figures_BF: NDArray[np.float32], is_attack_B: NDArray[np.bool_], *, seed: int, num_trees: int = NUM_TREES
) -> BoostedTrees:
    """Trees that tell attackers from shoppers; both count alike, however few attackers there are."""
    weight_B = np.where(is_attack_B, 0.5 / max(1, is_attack_B.sum()), 0.5 / max(1, (~is_attack_B).sum()))
    boosted = GradientBoostingClassifier(
        n_estimators=num_trees,
        max_depth=DEPTH,
        learning_rate=SHRINKAGE,
        max_features=FIGURES_TRIED,
        subsample=ROWS_TRIED,
        min_samples_leaf=min(LEAST_IN_LEAF, max(1, len(figures_BF) // 10)),
        random_state=seed,
    ).fit(figures_BF, is_attack_B, sample_weight=weight_B * len(weight_B))
    start = float(
        boosted.decision_function(figures_BF[:1])[0]
        - SHRINKAGE * sum(float(each.predict(figures_BF[:1])[0]) for each in boosted.estimators_[:, 0])
    )
    trees = [each.tree_ for each in boosted.estimators_[:, 0]]
    return _as_arrays(trees, [SHRINKAGE * tree.value[:, 0, 0] for tree in trees], start, DEPTH)


def fit_forest(figures_BF: NDArray[np.float32], *, seed: int) -> BoostedTrees:
    """An isolation forest of genuine rows (Liu, Ting and Zhou, 2008): the fewer splits set a row apart, the more it
    says.

    It knows no attack, so it has nothing against one kind and nothing for another.
    """
    forest = IsolationForest(n_estimators=NUM_ISOLATING, random_state=seed).fit(figures_BF)
    trees = [each.tree_ for each in forest.estimators_]
    lengths = [-(_depths(tree) + _expected_depth(tree.n_node_samples)) / len(trees) for tree in trees]
    return _as_arrays(trees, lengths, 0.0, max(tree.max_depth for tree in trees))


def _depths(tree: Any) -> NDArray[np.float64]:
    """Splits above each node; a parent comes before its children."""
    depth_M = np.zeros(tree.node_count)
    for node in range(tree.node_count):
        for child in (tree.children_left[node], tree.children_right[node]):
            if child >= 0:
                depth_M[child] = depth_M[node] + 1
    return depth_M


def _expected_depth(rows_M: NDArray[np.int64]) -> NDArray[np.float64]:
    """Of one more row in a tree of so many: equation 1 of the paper."""
    many_M = np.maximum(rows_M, 2).astype(np.float64)
    depth_M = 2.0 * (np.log(many_M - 1.0) + np.euler_gamma) - 2.0 * (many_M - 1.0) / many_M
    return np.where(rows_M > 2, depth_M, np.where(rows_M == 2, 1.0, 0.0))


def _as_arrays(trees: Sequence[Any], values: Sequence[NDArray[np.float64]], start: float, depth: int) -> BoostedTrees:
    most_nodes = max(tree.node_count for tree in trees)

    def padded(of_trees: Sequence[NDArray[Any]], dtype: type[np.generic]) -> NDArray[Any]:
        filled: NDArray[Any] = np.zeros((len(trees), most_nodes), dtype)
        for row, each in zip(filled, of_trees, strict=True):
            row[: len(each)] = each
        return filled

    return BoostedTrees(
        figure_TM=padded([np.where(tree.children_left < 0, LEAF, tree.feature) for tree in trees], np.int16),
        # scikit-learn compares single with double precision: a rounded threshold must not change sides
        threshold_TM=padded([_rounded_down(tree.threshold) for tree in trees], np.float32),
        left_TM=padded([np.maximum(tree.children_left, 0) for tree in trees], np.int16),
        right_TM=padded([np.maximum(tree.children_right, 0) for tree in trees], np.int16),
        value_TM=padded(values, np.float32),
        start=start,
        depth=depth,
    )


def _rounded_down(threshold_M: NDArray[np.float64]) -> NDArray[np.float32]:
    rounded_M = threshold_M.astype(np.float32)
    below_M: NDArray[np.float32] = np.where(
        rounded_M > threshold_M, np.nextafter(rounded_M, np.float32(-np.inf)), rounded_M
    )
    return below_M
