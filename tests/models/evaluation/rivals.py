"""Rivals' data for tests: sequences written down by hand."""

import polars as pl

from models.data.dataset import Dataset, DatasetInfo
from models.data.sequences import Sequences
from models.data.split import EvaluationCases
from models.evaluation.rival_data import RivalData, RivalTraining


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
