"""How well one number tells two groups apart."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score


def auc(more: NDArray[Any], less: NDArray[Any]) -> float:
    """Chance that one of those who should have more has more than one who should have less; ties are worth half."""
    labels = np.concatenate([np.ones(len(more)), np.zeros(len(less))])
    return float(roc_auc_score(labels, np.concatenate([more, less])))


def recall_at_one_percent(genuine: NDArray[Any], frauds: NDArray[Any]) -> float:
    """Share of the frauds that is found where one genuine case in a hundred is accused."""
    return float((frauds > np.quantile(genuine, 0.99)).mean())
