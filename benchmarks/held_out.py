"""Held-out cases of the data that a bundle was trained on, as its own evaluation splits them."""

from pathlib import Path

from models.data.read import load_dataset
from models.data.sequences_from_events import build_sequences
from models.data.shuffle import shuffle_items
from models.data.split import EvaluationCases, split_sequences
from models.recommend.recommender import Recommender


def held_out_cases(dataset: Path, recommender: Recommender, num_cases: int, *, part: str = "test") -> EvaluationCases:
    """Some cases of `test` or `validation`, drawn by a fixed seed, all with a history."""
    split = recommender.manifest.split
    data = shuffle_items(load_dataset(dataset).dataset, int(split["seed"]))
    sequences = build_sequences(data, seed=int(split["seed"]))
    parts = split_sequences(sequences, split["kind"], time=data.info.time, seed=int(split["seed"]))
    cases = parts.test if part == "test" else parts.validation
    assert cases is not None
    return cases.with_history(num_cases, seed=0)
