"""A shop whose right answer is known: two taste groups that share no item.

Every shopper buys from one group only, so whatever is recommended to a shopper of the group must be of the group.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

GROUPS = ("tea", "paint")


def write_tiny_shop(folder: Path, *, users_per_group: int = 60, items_per_group: int = 20, seed: int = 0) -> Path:
    """A dataset folder with real times; the folder itself is returned."""
    rng = np.random.default_rng(seed)
    catalogue, events = [], []
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for group in GROUPS:
        catalogue += [
            {
                "item_id": f"{group}-{number}",
                "title": f"{group} number {number}",
                "category": f"{group} > kind {number % 3}",
                "brand": f"{group} house",
                "price": 1.0 + number,
            }
            for number in range(items_per_group)
        ]
        for user in range(users_per_group):
            moment = start + timedelta(hours=int(rng.integers(0, 24 * 60)))
            for item in rng.permutation(items_per_group)[: int(rng.integers(4, 12))]:
                moment += timedelta(hours=int(rng.integers(1, 72)))
                events.append(
                    {
                        "user_id": f"{group}-lover-{user}",
                        "item_id": f"{group}-{item}",
                        "timestamp": moment,
                        "event_type": "purchase",
                    }
                )
    folder.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(catalogue).write_parquet(folder / "catalogue.parquet")
    pl.DataFrame(events).write_parquet(folder / "events.parquet")
    (folder / "dataset.json").write_text('{"name": "tiny shop", "source": "made by the tests", "time": "real"}')
    return folder


def write_tiny_csv_shop(folder: Path) -> Path:
    """The same as a shop exports it: two CSV files and nothing else."""
    write_tiny_shop(folder)
    for table in ("catalogue", "events"):
        pl.read_parquet(folder / f"{table}.parquet").write_csv(folder / f"{table}.csv")
        (folder / f"{table}.parquet").unlink()
    (folder / "dataset.json").unlink()
    return folder
