"""How alike two items are by their content: the yardstick of intra-list diversity, the same for every system."""

# N items, V tags

import numpy as np
import polars as pl
from scipy import sparse

from models.features.spec import fit_feature_spec, labels_of, text_words_of


def content_vectors(catalogue: pl.DataFrame) -> sparse.csr_array:
    """TF-IDF over labels and words, rows of unit length [N, V]; an item without content has a row of zeros."""
    spec = fit_feature_spec(catalogue, text_encoder_digest="", text_width=0, uses_time=False)
    rows, tags = [], []
    for row, item in enumerate(catalogue.iter_rows(named=True)):
        found = labels_of(item, spec.label_columns)
        found += [f"word={word}" for word in text_words_of(item, spec.text_columns)]
        known = [spec.tags[tag] - 1 for tag in found if tag in spec.tags]
        rows += [row] * len(known)
        tags += known
    shape = (len(catalogue), max(1, len(spec.tags)))
    counts_V = np.bincount(np.array(tags, np.int64), minlength=shape[1])
    weights = np.log(len(catalogue) / np.maximum(counts_V, 1))[np.array(tags, np.int64)]
    vectors_NV = sparse.csr_array((weights, (rows, tags)), shape=shape)
    lengths_N = np.sqrt(np.asarray(vectors_NV.multiply(vectors_NV).sum(axis=1)).ravel())
    return sparse.csr_array(sparse.diags_array(1.0 / np.maximum(lengths_N, 1e-12)) @ vectors_NV)
