"""Which photographs are held out, of a shop without texts: no encoder is needed to tell."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from models.domain.errors import DatasetError
from models.domain.progress import NoProgress
from models.pipeline.images.prepare import PreparedPictures, prepare_pictures
from tests.picture_shop import picture_shop

PLATES = pl.col("category") == "Home > Plates"
FIVE_PLATES = PLATES & (PLATES.cum_sum() <= 5)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return picture_shop(tmp_path_factory.mktemp("pictures") / "shop")


@pytest.fixture(scope="module")
def catalogue(shop: Path) -> pl.DataFrame:
    return pl.read_parquet(shop / "catalogue.parquet").drop("title")


def prepared(shop: Path, catalogue: pl.DataFrame) -> PreparedPictures:
    catalogue.write_parquet(shop / "catalogue.parquet")
    return prepare_pictures(shop, size=32, seed=0, strict=False, cache=shop / "cache", progress=NoProgress())


class TestHeldOut:
    @pytest.mark.parametrize(
        "part",
        [
            pl.lit("test"),
            pl.lit("test").cast(pl.Categorical),
            pl.lit("test").cast(pl.Enum(["test", "train"])),
        ],
    )
    def test_is_what_the_part_says(self, shop: Path, catalogue: pl.DataFrame, part: pl.Expr) -> None:
        says_test = pl.int_range(pl.len()) % 5 == 0
        found = prepared(shop, catalogue.with_columns(part=pl.when(says_test).then(part)))
        assert np.flatnonzero(found.is_test_N).tolist() == list(range(0, catalogue.height, 5))

    @pytest.mark.parametrize(
        "part",
        [
            pl.format("AX-{}", pl.int_range(pl.len())),
            pl.int_range(pl.len()),
            pl.lit("OEM").cast(pl.Enum(["OEM", "own"])),
        ],
    )
    def test_is_drawn_where_parts_are_numbers_of_parts(
        self, shop: Path, catalogue: pl.DataFrame, part: pl.Expr
    ) -> None:
        without = prepared(shop, catalogue).is_test_N
        assert 0 < without.sum() < catalogue.height / 5
        np.testing.assert_array_equal(prepared(shop, catalogue.with_columns(part=part)).is_test_N, without)

    @pytest.mark.parametrize(
        ("held_out", "told"),
        [
            (FIVE_PLATES, r"has 355 photographs to train on and 5 held out.*at least 6"),
            (~FIVE_PLATES, r"has 5 photographs to train on.*at least 6"),
            (pl.lit(value=True), r"has 0 photographs to train on and 0 held out.*at least 6"),
            (PLATES, r"has 180 photographs to train on and 0 held out.*at least 6"),
        ],
    )
    def test_is_refused_before_training_where_nothing_could_be_measured(
        self, shop: Path, catalogue: pl.DataFrame, held_out: pl.Expr, told: str
    ) -> None:
        with pytest.raises(DatasetError, match=told):
            prepared(shop, catalogue.with_columns(part=pl.when(held_out).then(pl.lit("test"))))
