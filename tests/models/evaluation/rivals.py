"""Rivals' data for tests: sequences written down by hand."""

import numpy as np
import polars as pl
from scipy.sparse import csr_array

from models.data.dataset import Dataset, DatasetInfo
from models.data.sequences import Sequences
from models.data.split import EvaluationCases
from models.evaluation.rival_data import RivalData, RivalTraining
from models.evaluation.rival_neighbours import RivalNeighbours


def rival_data(train: Sequences, num_items: int, *, validation: EvaluationCases | None = None) -> RivalData:
    """A catalogue without content, times that stand for positions, and the small budget."""
    catalogue = pl.DataFrame({"item_id": [f"i{row}" for row in range(num_items)]})
    return RivalData(
        dataset=Dataset(DatasetInfo("by hand", time="order"), catalogue, pl.DataFrame(), digest=""),
        split_kind="leave-one-out",
        train=train,
        validation=validation,
        exclude_seen=True,
        training=RivalTraining(profile="quick"),
    )


def without_content(data: RivalData) -> RivalNeighbours:
    """Neighbours by what is taken together alone."""
    return RivalNeighbours.choose(data, csr_array((data.num_items, data.num_items), dtype=np.float32))
