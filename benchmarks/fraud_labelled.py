"""Real spammers among real raters: ratings alone, five folds by user.

    python benchmarks/fraud_labelled.py --data DIR --json benchmarks/results/fraud_labelled.json

The set has no catalogue and no order, so neither network can be trained on it: this measures what ratings,
co-raters and a factorisation tell, in two rounds. The second round sees what the first says of co-raters, never a
label of theirs: each rater's first verdict is by trees that were fitted without its label, and no label of a tested
fold is used at all. The row `transductive` sees the labels of co-raters in the training folds as well.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray
from record import circumstances
from scipy.sparse.linalg import svds
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold

# U raters, N items, R ratings, F figures

NUM_FACTORS: Final = 32
NUM_INNER: Final = 4
PACKAGES: Final = ["numpy", "scipy", "scikit-learn", "polars"]
Floats = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--draws", type=int, default=1, help="how often the folds are drawn")
    parser.add_argument("--bags", type=int, default=2, help="fits that are averaged")
    arguments = parser.parse_args()
    started = time.process_time()
    ratings = Ratings(arguments.data)
    figures = ratings.figures()
    columns = {
        "ratings": figures["ratings"],
        "and co-raters": np.hstack([figures["ratings"], figures["co_raters"]]),
        "and factors": np.hstack([figures["ratings"], figures["co_raters"], figures["factors"]]),
        "all, first round": np.hstack(list(figures.values())),
    }
    draws: dict[str, list[dict[str, float]]] = {}
    for seed in range(arguments.draws):
        folds = list(
            StratifiedKFold(5, shuffle=True, random_state=seed).split(ratings.is_spammer_U, ratings.is_spammer_U)
        )
        for name, chances_U in verdicts(ratings, columns, folds, arguments.bags):
            draws.setdefault(name, []).append(measured(ratings.is_spammer_U, chances_U, folds))
            print(seed, name, draws[name][-1], round(time.process_time() - started), "CPU seconds", flush=True)
    result = {
        "what": f"{len(ratings.is_spammer_U):,} raters, {int(ratings.is_spammer_U.sum()):,} of them labelled spammers;"
        f" five folds by rater, {arguments.draws} draws of the folds",
        **circumstances(PACKAGES),
        "cpu_seconds": round(time.process_time() - started),
        "rows": {name: {key: mean([each[key] for each in of]) for key in of[0]} for name, of in draws.items()},
    }
    arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result["rows"], indent=1))


def mean(values: list[float]) -> float:
    return round(float(np.mean(values)), 4)


class Ratings:
    """Who rated what, and how."""

    def __init__(self, folder: Path) -> None:
        ratings = pl.read_parquet(folder / "ratings.parquet").unique(
            ["user_id", "item_id"], keep="last", maintain_order=True
        )
        table = ratings.join(pl.read_parquet(folder / "labels.parquet"), on="user_id")
        raters, items = table["user_id"].unique().sort(), table["item_id"].unique().sort()
        self.rater_R = table["user_id"].replace_strict(raters, np.arange(len(raters))).to_numpy()
        self.item_R = table["item_id"].replace_strict(items, np.arange(len(items))).to_numpy()
        self.rating_R = table["rating"].cast(pl.Float64).to_numpy()
        self.is_spammer_U = np.zeros(len(raters), np.int64)
        self.is_spammer_U[self.rater_R] = table["is_spammer"].to_numpy()
        self.given_UN = sp.csr_array(
            (np.ones(len(table)), (self.rater_R, self.item_R)), shape=(len(raters), len(items))
        )
        self.num_U = np.bincount(self.rater_R, minlength=len(raters))
        self.num_N = np.bincount(self.item_R, minlength=len(items))
        self.near_UU = self._near()

    def _near(self) -> sp.csr_array:
        """Each rater's co-raters, rarer items counting more; rows sum to 1."""
        weights_N = 1.0 / np.log(1.5 + self.num_N)
        shared_UU = sp.csr_array(self.given_UN @ sp.diags_array(weights_N) @ self.given_UN.T)
        shared_UU.setdiag(0)
        shared_UU.eliminate_zeros()
        length = sp.diags_array(1.0 / np.sqrt(self.given_UN @ weights_N))
        near_UU = sp.csr_array(length @ shared_UU @ length)
        self.closeness_UU = near_UU
        return sp.csr_array(sp.diags_array(1.0 / np.maximum(near_UU.sum(axis=1), 1e-9)) @ near_UU)

    def figures(self) -> dict[str, Floats]:
        """By what they are made of."""
        ratings, co_raters = self._own(), self._co_raters()
        both = np.hstack([ratings, co_raters])
        around = [column for values_U in both.T for column in self._over_items(values_U)[::2]]
        once = self.near_UU @ both
        return {
            "ratings": ratings,
            "co_raters": co_raters,
            "factors": self._factors(),
            "around": np.hstack([np.stack(around, axis=1), once, self.near_UU @ once]),
        }

    def _own(self) -> Floats:
        """Of a rater's own ratings, against those of the others on the same items."""
        sums_N, mean = np.bincount(self.item_R, self.rating_R), self.rating_R.mean()
        others_R = (sums_N[self.item_R] - self.rating_R + 3 * mean) / (self.num_N[self.item_R] + 2)
        off_R = self.rating_R - others_R
        columns = [np.log1p(self.num_U)]
        for values_R in (self.rating_R, off_R, np.abs(off_R), np.log1p(self.num_N[self.item_R] - 1)):
            columns += self._over_ratings(values_R)
        columns += [self._over_ratings((self.rating_R == stars) * 1.0)[0] for stars in range(1, 6)]
        columns.append(self._over_ratings((self.num_N[self.item_R] == 1) * 1.0)[0])
        return np.stack(columns, axis=1)

    def _over_ratings(self, values_R: Floats) -> list[Floats]:
        """Mean, deviation, most and least of each rater's."""
        means_U = np.bincount(self.rater_R, values_R) / self.num_U
        squares_U = np.bincount(self.rater_R, values_R**2) / self.num_U
        most_U, least_U = np.full(len(self.num_U), -np.inf), np.full(len(self.num_U), np.inf)
        np.maximum.at(most_U, self.rater_R, values_R)
        np.minimum.at(least_U, self.rater_R, values_R)
        return [means_U, np.sqrt(np.maximum(squares_U - means_U**2, 0)), most_U, least_U]

    def _co_raters(self) -> Floats:
        """How many others share how much, with any rating and with five stars."""
        best_UN = sp.csr_array(((self.rating_R == 5) * 1.0, (self.rater_R, self.item_R)), shape=self.given_UN.shape)
        columns = []
        for given_UN in (self.given_UN, best_UN):
            shared_UU = sp.csr_array(given_UN @ given_UN.T)
            shared_UU.setdiag(0)
            shared_UU.eliminate_zeros()
            columns += [np.log1p(np.diff(shared_UU.indptr)), *(_largest(shared_UU, k) for k in (1, 5, 20))]
            columns += [np.asarray((shared_UU >= least).sum(axis=1)).ravel() for least in (2, 3, 5)]
        columns += [columns[1] / self.num_U, *(_largest(self.closeness_UU, k) for k in (1, 5, 20))]
        return np.stack(columns, axis=1)

    def _factors(self) -> Floats:
        scaled_UN = sp.diags_array(self.num_U**-0.5) @ self.given_UN @ sp.diags_array(self.num_N**-0.5)
        left_UF, size_F, _ = svds(scaled_UN, k=NUM_FACTORS, random_state=0)
        return np.asarray((left_UF * size_F)[:, np.argsort(-size_F)])

    def _over_items(self, values_U: Floats) -> list[Floats]:
        """What the other raters of each item are like, over a rater's items."""
        sums_N = np.bincount(self.item_R, values_U[self.rater_R])
        others_R = (sums_N[self.item_R] - values_U[self.rater_R] + values_U.mean()) / self.num_N[self.item_R]
        return self._over_ratings(others_R)

    def around(self, said_U: Floats) -> Floats:
        """What is said of co-raters and of the other raters of each item; a rater's own does not come back to it."""
        return np.stack([self.near_UU @ said_U, *self._over_items(said_U)], axis=1)


def _largest(matrix: sp.csr_array, k: int) -> Floats:
    """Mean of the k largest entries of each row, missing ones 0."""
    rows = np.split(matrix.data, matrix.indptr[1:-1])
    return np.array([np.sort(row)[::-1][:k].sum() / k for row in rows])


def verdicts(
    ratings: Ratings, columns: dict[str, Floats], folds: list[tuple[NDArray[Any], NDArray[Any]]], bags: int
) -> list[tuple[str, Floats]]:
    """Chance of a spammer by each way."""
    label_U = ratings.is_spammer_U
    found = [(name, crossed(figures_UF, label_U, folds, bags)) for name, figures_UF in columns.items()]
    everything_UF = columns["all, first round"]
    second_U, transductive_U = np.zeros(len(label_U)), np.zeros(len(label_U))
    for train, test in folds:
        inner = list(StratifiedKFold(NUM_INNER, shuffle=True, random_state=7).split(train, label_U[train]))
        said_U = np.zeros(len(label_U))
        for some, others in inner:
            trees = fitted(everything_UF[train[some]], label_U[train[some]], 0)
            said_U[train[others]] = trees.decision_function(everything_UF[train[others]])
            said_U[test] += trees.decision_function(everything_UF[test]) / NUM_INNER
        told_U = np.zeros(len(label_U))
        told_U[train] = 2.0 * label_U[train] - 1.0
        for into_U, around_UF in (
            (second_U, np.hstack([said_U[:, None], ratings.around(said_U)])),
            (transductive_U, np.hstack([said_U[:, None], ratings.around(said_U), ratings.around(told_U)])),
        ):
            figures_UF = np.hstack([everything_UF, around_UF])
            into_U[test] = bagged(figures_UF[train], label_U[train], figures_UF[test], bags)
    return [*found, ("two rounds", second_U), ("transductive, apart", transductive_U)]


def crossed(
    figures_UF: Floats, label_U: NDArray[np.int64], folds: list[tuple[NDArray[Any], NDArray[Any]]], bags: int
) -> Floats:
    chances_U = np.zeros(len(label_U))
    for train, test in folds:
        chances_U[test] = bagged(figures_UF[train], label_U[train], figures_UF[test], bags)
    return chances_U


def bagged(figures_UF: Floats, label_U: NDArray[np.int64], asked_UF: Floats, bags: int) -> Floats:
    return np.mean([fitted(figures_UF, label_U, seed).predict_proba(asked_UF)[:, 1] for seed in range(bags)], axis=0)


def fitted(figures_UF: Floats, label_U: NDArray[np.int64], seed: int) -> HistGradientBoostingClassifier:
    trees = HistGradientBoostingClassifier(
        max_iter=150,
        learning_rate=0.06,
        max_leaf_nodes=12,
        l2_regularization=2.0,
        max_features=0.3,
        random_state=seed,
    )
    return trees.fit(figures_UF, label_U)


def measured(
    label_U: NDArray[np.int64], chances_U: Floats, folds: list[tuple[NDArray[Any], NDArray[Any]]]
) -> dict[str, float]:
    """F1 at .5, mean of the folds; recall where one in a hundred normal raters is called a spammer, over all folds."""
    limit = np.quantile(chances_U[label_U == 0], 0.99)
    return {
        "auc": round(float(roc_auc_score(label_U, chances_U)), 4),
        "f1": round(float(np.mean([f1_score(label_U[test], chances_U[test] > 0.5) for _, test in folds])), 4),
        "recall_at_1_percent": round(float((chances_U[label_U == 1] > limit).mean()), 4),
    }


if __name__ == "__main__":
    main()
