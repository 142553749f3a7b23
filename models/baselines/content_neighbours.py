"""The items most alike by content: text embedding and tags."""

# N items, E text embedding, T tags of an item, V tags of the vocabulary, B items of a block, M neighbours

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from models.features.content import ItemContent

if TYPE_CHECKING:
    from scipy.sparse import csr_array

NUM_NEIGHBOURS: Final = 50
ITEMS_PER_BLOCK: Final = 512
MAX_ITEMS_OF_TAG: Final = 4_000
"""A tag on more items than this says little, and would cost the square of their number."""


def content_neighbours(content: ItemContent) -> "csr_array":
    """Each item's 50 most alike others [N, N]: cosine of centred text embeddings plus cosine of idf-weighted tags."""
    from scipy.sparse import coo_array

    text_NE, tags_NV = _unit_text(content.text_NE), _unit_tags(content)
    num_items = content.num_items
    kept = min(NUM_NEIGHBOURS, num_items - 1)
    parts: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]] = []
    for start in range(0, num_items, ITEMS_PER_BLOCK):
        rows_B = np.arange(start, min(start + ITEMS_PER_BLOCK, num_items))
        alike_BN = text_NE[rows_B] @ text_NE.T + (tags_NV[rows_B] @ tags_NV.T).toarray()
        alike_BN[np.arange(len(rows_B)), rows_B] = 0.0
        best_BM = np.argpartition(-alike_BN, max(0, kept - 1), axis=1)[:, :kept]
        values_BM = np.take_along_axis(alike_BN, best_BM, axis=1)
        present_BM = values_BM > 0
        parts.append((np.repeat(rows_B, present_BM.sum(axis=1)), best_BM[present_BM], values_BM[present_BM]))
    rows, columns, values = (np.concatenate(part) for part in zip(*parts, strict=True))
    return coo_array((values.astype(np.float32), (rows, columns)), shape=(num_items, num_items)).tocsr()


def _unit_text(text_NE: NDArray[np.float32]) -> NDArray[np.float32]:
    """Centred rows of length 1; an item without text keeps a row of zeros."""
    has_text_N: NDArray[np.bool_] = np.abs(text_NE).max(axis=1, initial=0.0) > 0
    if not has_text_N.any():
        return np.zeros_like(text_NE)
    centred_NE = np.where(has_text_N[:, None], text_NE - text_NE[has_text_N].mean(axis=0), 0.0)
    lengths_N1 = np.sqrt((centred_NE**2).sum(axis=1, keepdims=True))
    return np.asarray(centred_NE / np.maximum(lengths_N1, 1e-6), np.float32)


def _unit_tags(content: ItemContent) -> "csr_array":
    """Tags weighted by log(N / items that carry them), rows of length 1 [N, V]."""
    from scipy.sparse import csr_array

    present_NT = content.tag_rows_NT > 0
    tags = content.tag_rows_NT[present_NT]
    counts_V = np.bincount(tags, minlength=1)
    idf_V = np.log(content.num_items / np.maximum(counts_V, 1)) * (counts_V <= MAX_ITEMS_OF_TAG)
    rows = np.nonzero(present_NT)[0]
    lengths_N = np.sqrt(np.bincount(rows, weights=idf_V[tags] ** 2, minlength=content.num_items))
    values = (idf_V[tags] / np.maximum(lengths_N[rows], 1e-6)).astype(np.float32)
    return csr_array((values, (rows, tags)), shape=(content.num_items, len(counts_V)))
