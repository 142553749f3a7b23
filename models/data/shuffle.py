"""Item rows in an order that says nothing: a catalogue's own order may be that of ids, dates or sales."""

# N items

from dataclasses import replace

import numpy as np
import polars as pl

from models.data.dataset import Dataset


def shuffle_items(dataset: Dataset, seed: int) -> Dataset:
    """The same items and events with the catalogue's rows in random order; `digest` stays that of the data as read."""
    order_N = np.random.default_rng(seed).permutation(len(dataset.catalogue))
    catalogue = dataset.catalogue[order_N]
    as_rows = pl.col("item_id").cast(pl.Enum(catalogue["item_id"]))
    return replace(dataset, catalogue=catalogue, events=dataset.events.with_columns(as_rows))
