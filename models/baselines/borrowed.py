"""What goes with items alike: co-occurrence lent by an item's likest others, where its own events are few."""

# N items, M kept of a row

from typing import TYPE_CHECKING, Final

import numpy as np

from models.baselines.best_of_rows import best_of_rows
from models.domain.item_rows import NO_ITEM

if TYPE_CHECKING:
    from scipy.sparse import csr_array

LENDERS: Final = 15
LIKENESS_POWER: Final = 2.0
BORROWED_PER_ITEM: Final = 300
"""No more than this reaches an item's neighbours: of these, the best 100 are kept."""
ENTRIES_PER_BLOCK: Final = 20_000_000
"""Before the best are taken: 20 million × 12 bytes = 240 MB."""


def lenders(content_NN: "csr_array") -> "csr_array":
    """Each item's `LENDERS` likest others [N, N], squared, shares of 1; a row of zeros where nothing is alike."""
    from scipy.sparse import diags_array

    likest_NN = _best(content_NN, LENDERS)
    likest_NN.data **= LIKENESS_POWER
    sums_N = np.asarray(likest_NN.sum(axis=1)).ravel()
    shares_NN: csr_array = (diags_array((1.0 / np.maximum(sums_N, 1e-9)).astype(np.float32)) @ likest_NN).tocsr()
    return shares_NN


def borrowed(lenders_NN: "csr_array", taken_NN: "csr_array") -> "csr_array":
    """The lenders' co-occurrence, by their shares [N, N]; each item's best `BORROWED_PER_ITEM`."""
    from scipy.sparse import csr_array, vstack

    num_items = taken_NN.shape[0]
    per_row = LENDERS * max(1, taken_NN.nnz // max(1, num_items))
    step = max(1, ENTRIES_PER_BLOCK // per_row)
    starts = range(0, max(1, num_items), step)
    found_NN: csr_array = vstack(
        [_best(lenders_NN[start : start + step] @ taken_NN, BORROWED_PER_ITEM) for start in starts], format="csr"
    )
    return found_NN


def _best(values_NN: "csr_array", kept: int) -> "csr_array":
    """Each row's largest."""
    from scipy.sparse import csr_array

    values_NN = values_NN.tocsr()
    rows_NM, values_NM = best_of_rows(values_NN.indptr.astype(np.int64), values_NN.indices, values_NN.data, kept)
    present_NM = rows_NM != NO_ITEM
    places = (np.nonzero(present_NM)[0], rows_NM[present_NM])
    return csr_array((values_NM[present_NM], places), shape=values_NN.shape)
