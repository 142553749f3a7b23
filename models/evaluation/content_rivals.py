"""Rivals for items that nobody has bought yet: likeness by content, and features guessed from content."""

# N items, D features, X content values, T tags of an item

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.baselines.content_neighbours import content_neighbours
from models.baselines.item_knn import ItemKnn, ItemKnnConfig
from models.baselines.popularity import Popularity
from models.evaluation.ranker_system import RankerSystem
from models.evaluation.rival_data import RivalData
from models.features.content import ItemContent
from models.recommend.recommender import Recommender
from models.retrieval.faiss_index import build_faiss_index
from models.training.encoded_catalogue import encode_catalogue

MAX_TAG_COLUMNS: Final = 1_000
"""The most frequent tags; rarer ones have too few items to learn from."""
REGULARISATIONS: Final = (1.0, 10.0, 100.0, 1_000.0)
HELD_OUT_SHARE: Final = 0.1


def fit_content_knn(data: RivalData) -> ItemKnn:
    """Item-kNN whose likeness is content alone: it knows a new item as well as an old one."""
    content = _content(data)
    return ItemKnn(
        content_neighbours(content), Popularity.fit(data.train, data.num_items), ItemKnnConfig(), name="content-knn"
    )


def fit_content_regression(data: RivalData, recommender: Recommender) -> RankerSystem:
    """The bundle's generator, with every untrained item where a ridge regression on content expects its feature.

    Learned on the features of trained items; its regularisation is chosen on a tenth of them.
    """
    source = recommender.ranker.source
    trained_N = np.bincount(data.train.item_rows_E, minlength=data.num_items) > 0
    content_NX = _content_matrix(_content(data))
    features_ND = np.array(source.item_features_ND)
    weights_XD = _ridge(content_NX[trained_N], features_ND[trained_N], data.seed)
    features_ND[~trained_N] = content_NX[~trained_N] @ weights_XD
    moved = replace(source, item_features_ND=features_ND, index=build_faiss_index(features_ND))
    return RankerSystem(replace(recommender.ranker, source=moved), "generator", "content-regression")


def _content(data: RivalData) -> ItemContent:
    return encode_catalogue(data.dataset, data.training.text_encoder, data.training.cache, data.progress).content


def _content_matrix(content: ItemContent) -> NDArray[np.float32]:
    """A constant, the text embedding, the price and the most frequent tags [N, X]."""
    counts_V = np.bincount(content.tag_rows_NT.ravel())
    counts_V[0] = 0
    frequent = np.argsort(-counts_V, kind="stable")[:MAX_TAG_COLUMNS]
    column_of_V = np.full(len(counts_V), -1)
    column_of_V[frequent] = np.arange(len(frequent))
    tags_NX = np.zeros((content.num_items, len(frequent)), np.float32)
    columns_NT = column_of_V[content.tag_rows_NT]
    rows, places = np.nonzero((columns_NT >= 0) & (content.tag_rows_NT > 0))
    tags_NX[rows, columns_NT[rows, places]] = content.tag_weights_NT[rows, places]
    ones_N1 = np.ones((content.num_items, 1), np.float32)
    return np.concatenate([ones_N1, content.text_NE, content.price_NP, tags_NX], axis=1)


def _ridge(content_NX: NDArray[np.float32], features_ND: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """Weights [X, D] with the regularisation that explains held-out items best."""
    order_N = np.random.default_rng(seed).permutation(len(content_NX))
    held_out, rest = np.split(order_N, [max(1, int(HELD_OUT_SHARE * len(order_N)))])
    errors = []
    for each in REGULARISATIONS:
        expected_ND = content_NX[held_out] @ _solved(content_NX[rest], features_ND[rest], each)
        errors.append(np.square(expected_ND - features_ND[held_out]).mean())
    return _solved(content_NX, features_ND, REGULARISATIONS[int(np.argmin(errors))])


def _solved(
    content_NX: NDArray[np.float32], features_ND: NDArray[np.float32], regularisation: float
) -> NDArray[np.float32]:
    gram_XX = content_NX.T @ content_NX + regularisation * np.eye(content_NX.shape[1], dtype=np.float32)
    weights_XD: NDArray[np.float32] = np.linalg.solve(gram_XX, content_NX.T @ features_ND)
    return weights_XD
