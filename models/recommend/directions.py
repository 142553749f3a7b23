"""Where features point, without how long they are: the product of two is their cosine."""

# X items, D features

import numpy as np
from numpy.typing import NDArray


def directions(features_XD: NDArray[np.float32]) -> NDArray[np.float32]:
    """Features of length 1 [X, D]; zeros stay zeros."""
    lengths_X1 = np.sqrt(np.square(features_XD).sum(axis=1, keepdims=True))
    return np.asarray(features_XD / np.maximum(lengths_X1, 1e-9), np.float32)
