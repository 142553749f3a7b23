import numpy as np
import polars as pl
import pytest

from models.evaluation.content_vectors import content_vectors


class TestContentVectors:
    def test_items_of_one_kind_are_more_alike_than_others(self) -> None:
        catalogue = pl.DataFrame(
            {
                "item_id": ["a", "b", "c", "d"],
                "category": ["Tea > Green", "Tea > Green", "Paint > Oil", "Paint > Oil"],
                "brand": ["x", "x", "y", "y"],
            }
        )
        likeness = (content_vectors(catalogue) @ content_vectors(catalogue).T).toarray()
        assert np.diag(likeness).tolist() == pytest.approx([1, 1, 1, 1])
        assert likeness[0].tolist() == pytest.approx([1, 1, 0, 0])

    def test_an_item_that_says_nothing_has_a_row_of_zeros(self) -> None:
        vectors = content_vectors(pl.DataFrame({"item_id": ["a", "b", "c"], "brand": ["x", "x", None]}))
        assert np.abs(vectors.toarray()).sum(axis=1).tolist() == pytest.approx([1, 1, 0])

    def test_a_catalogue_of_ids_alone_has_rows_of_zeros(self) -> None:
        assert content_vectors(pl.DataFrame({"item_id": ["a", "b"]})).toarray().sum() == 0
