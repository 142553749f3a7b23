from pathlib import Path

import polars as pl

from models.data.dataset import Dataset
from models.data.read import load_dataset
from models.domain.progress import NoProgress
from models.training.encoded_catalogue import encode_catalogue
from tests.tiny_shop import write_tiny_shop


class Told(NoProgress):
    def __init__(self) -> None:
        self.tasks: list[str] = []

    def start(self, task: str, total: int | None = None) -> None:
        self.tasks.append(task)


def told_of(dataset: Dataset, cache: Path) -> list[str]:
    told = Told()
    encode_catalogue(dataset, None, cache, told)
    return told.tasks


def test_texts_are_told_of_where_there_are_any(tmp_path: Path, warm_cache: Path) -> None:
    dataset = load_dataset(write_tiny_shop(tmp_path / "shop")).dataset
    assert told_of(dataset, warm_cache) == ["Embedding texts"]
    ids = pl.DataFrame({"item_id": dataset.catalogue["item_id"]})
    ids.write_parquet(tmp_path / "shop" / "catalogue.parquet")
    assert told_of(load_dataset(tmp_path / "shop").dataset, warm_cache) == []
