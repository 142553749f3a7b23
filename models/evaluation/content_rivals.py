"""Rivals for items that nobody has bought yet: likeness by content, and features guessed from content."""

# N items, D features, X content values, T tags of an item

from dataclasses import replace
from functools import partial
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.baselines.content_neighbours import content_neighbours
from models.baselines.item_knn import ItemKnn, ItemKnnConfig
from models.baselines.popularity import Popularity
from models.evaluation.chosen import chosen
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
LENGTHS: Final = (1.0, 1.2, 1.5, 2.0, 3.0)
"""Times the expected feature: a regression expects what is near the mean, and what is short is listed for nobody."""
Rows: TypeAlias = NDArray[np.int64]


def fit_content_knn(data: RivalData) -> ItemKnn:
    """Item-kNN whose likeness is content alone: it knows a new item as well as an old one."""
    content = _content(data)
    return ItemKnn(
        content_neighbours(content), Popularity.fit(data.train, data.num_items), ItemKnnConfig(), name="content-knn"
    )


def fit_content_regression(data: RivalData, recommender: Recommender) -> RankerSystem:
    """The bundle's generator, with every untrained item where a ridge regression on content expects its feature.

    Learned on the features of trained items; its regularisation is chosen on a tenth of them. So is how much longer the
    expected features are made, by the lists of validation shoppers with that tenth as if it were new.
    """
    trained_N = np.bincount(data.train.item_rows_E, minlength=data.num_items) > 0
    content_NX = _content_matrix(_content(data))
    features_ND = np.array(recommender.ranker.source.item_features_ND)
    trained, untrained = np.flatnonzero(trained_N), np.flatnonzero(~trained_N)
    as_if_new, rest = _held_out(trained, data.seed)
    regularisation = _chosen_regularisation(content_NX, features_ND, as_if_new, rest)

    def expected_by(known: Rows) -> NDArray[np.float32]:
        return content_NX @ _solved(content_NX[known], features_ND[known], regularisation)

    def system(new: Rows, expected_ND: NDArray[np.float32], length: float) -> RankerSystem:
        moved_ND = features_ND.copy()
        moved_ND[new] = length * expected_ND[new]
        source = replace(recommender.ranker.source, item_features_ND=moved_ND, index=build_faiss_index(moved_ND))
        return RankerSystem(replace(recommender.ranker, source=source), "generator", "content-regression")

    tried = partial(system, np.concatenate([as_if_new, untrained]), expected_by(rest))
    length, _ = chosen(data, "the length of expected features", tried, LENGTHS, 1.0)
    return system(untrained, expected_by(trained), length)


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


def _held_out(items: Rows, seed: int) -> tuple[Rows, Rows]:
    """A tenth of the items, and the rest."""
    held_out, rest = np.split(
        np.random.default_rng(seed).permutation(items), [max(1, int(HELD_OUT_SHARE * len(items)))]
    )
    return held_out, rest


def _chosen_regularisation(
    content_NX: NDArray[np.float32], features_ND: NDArray[np.float32], held_out: Rows, rest: Rows
) -> float:
    """The one that explains held-out items best."""
    errors = []
    for each in REGULARISATIONS:
        expected_ND = content_NX[held_out] @ _solved(content_NX[rest], features_ND[rest], each)
        errors.append(np.square(expected_ND - features_ND[held_out]).mean())
    return REGULARISATIONS[int(np.argmin(errors))]


def _solved(
    content_NX: NDArray[np.float32], features_ND: NDArray[np.float32], regularisation: float
) -> NDArray[np.float32]:
    gram_XX = content_NX.T @ content_NX + regularisation * np.eye(content_NX.shape[1], dtype=np.float32)
    weights_XD: NDArray[np.float32] = np.linalg.solve(gram_XX, content_NX.T @ features_ND)
    return weights_XD
