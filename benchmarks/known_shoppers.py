"""A bundle that knows some of a dataset's shoppers and none of the others, and the histories of both."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from app.observability.progress import TaskProgress
from models.data.sequences import Sequences
from models.data.sequences_from_events import sequences_from_events
from models.pipeline.train import TrainOptions, train
from models.recommend.recommender import Recommender

LEAST_EVENTS = 3


@dataclass(frozen=True)
class KnownShoppers:
    """Histories of `LEAST_EVENTS` events or more."""

    dataset: Path
    """The known shoppers' own dataset folder."""
    bundle: Path
    known: Sequences
    unknown: Sequences


def known_shoppers(dataset: Path, folder: Path, share: float) -> KnownShoppers:
    """Trained on that share of the shoppers (quick profile, all their events); a second start finds the bundle."""
    events = pl.read_parquet(dataset / "events.parquet")
    users = np.random.default_rng(0).permutation(events["user_id"].unique().sort().to_numpy())
    known, bundle = folder / "known", folder / "bundles" / "known"
    parts = [events.filter(pl.col("user_id").is_in(some)) for some in np.split(users, [round(share * len(users))])]
    if not bundle.exists():
        known.mkdir(parents=True, exist_ok=True)
        parts[0].write_parquet(known / "events.parquet")
        for name in ("catalogue.parquet", "dataset.json"):
            (known / name).write_bytes((dataset / name).read_bytes())
        with TaskProgress() as progress:
            train(TrainOptions(dataset=known, out=bundle, profile="quick", split="none"), progress)
    recommender = Recommender.open(bundle)
    of_time = recommender.manifest.dataset.time
    of_known, of_unknown = (
        each.take_users(np.flatnonzero(each.lengths_U >= LEAST_EVENTS))
        for each in (sequences_from_events(part, recommender.item_ids, time=of_time, seed=0) for part in parts)
    )
    return KnownShoppers(known, bundle, of_known, of_unknown)
