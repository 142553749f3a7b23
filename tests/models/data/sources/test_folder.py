from pathlib import Path

import polars as pl
import pytest

from models.data.sources.folder import is_written, write_folder
from models.domain.errors import DatasetError

TABLE = pl.DataFrame({"item_id": ["a"]})


class TestWriteFolder:
    def test_writes_both_tables_and_the_info(self, tmp_path: Path):
        folder = write_folder(tmp_path / "deep" / "shop", {"name": "Łódź"}, TABLE, TABLE)
        assert sorted(file.name for file in folder.iterdir()) == ["catalogue.parquet", "dataset.json", "events.parquet"]
        assert is_written(folder, "Łódź")

    def test_leaves_nothing_when_it_fails(self, tmp_path: Path):
        unwritable = {"name": object()}
        with pytest.raises(TypeError):
            write_folder(tmp_path / "shop", unwritable, TABLE, TABLE)
        assert list(tmp_path.iterdir()) == []

    def test_takes_an_empty_folder(self, tmp_path: Path):
        assert not is_written(tmp_path, "shop")
        write_folder(tmp_path, {"name": "shop"}, TABLE, TABLE)
        assert is_written(tmp_path, "shop")


class TestIsWritten:
    def test_another_dataset_is_not_overwritten(self, tmp_path: Path):
        write_folder(tmp_path / "shop", {"name": "one"}, TABLE, TABLE)
        with pytest.raises(DatasetError, match="does not hold 'two'"):
            is_written(tmp_path / "shop", "two")
