"""A dataset folder → checked tables."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import polars as pl

from models.data.dataset import Dataset, DatasetInfo

NO_COLUMN_MAP: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class LoadedDataset:
    """Tables and what was found while checking them."""

    dataset: Dataset
    report: Any


def load_dataset(folder: Path, *, strict: bool = False, column_map: Mapping[str, str] = NO_COLUMN_MAP) -> LoadedDataset:
    """First working version: Parquet only, unchecked."""
    info_file = folder / "dataset.json"
    told = json.loads(info_file.read_text()) if info_file.exists() else {"name": folder.name}
    catalogue = pl.read_parquet(folder / "catalogue.parquet")
    users = pl.read_parquet(folder / "events.parquet", columns=["user_id"])["user_id"].unique().sort()
    events = pl.read_parquet(folder / "events.parquet").with_columns(
        pl.col("timestamp").cast(pl.Datetime("us", "UTC")),
        pl.col("user_id").cast(pl.Enum(users)),
        pl.col("item_id").cast(pl.Enum(catalogue["item_id"])),
        pl.col("event_type").cast(pl.Enum(["view", "click", "add_to_cart", "purchase", "impression", "dislike"])),
    )
    events = events.sort(pl.col("user_id").to_physical(), "timestamp", maintain_order=True)
    digest = hashlib.sha256((folder / "events.parquet").read_bytes() + (folder / "catalogue.parquet").read_bytes())
    return LoadedDataset(
        dataset=Dataset(info=DatasetInfo(**told), catalogue=catalogue, events=events, digest=digest.hexdigest()),
        report=None,
    )
