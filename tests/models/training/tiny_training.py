"""Trainings of seconds on the tiny shop."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from models.data.read import load_dataset
from models.data.sequences_from_events import build_sequences
from models.data.split import split_sequences
from models.domain.progress import NoProgress, Progress
from models.features.content import encode_content
from models.features.spec import fit_feature_spec
from models.training.config import QUICK, TrainingConfig
from models.training.run import TrainingData
from models.training.trainer import TrainedNetworks, train_networks
from tests.tiny_shop import write_tiny_shop

CONFIG = replace(QUICK, embedding_size=16, epochs=3, min_steps=1, users_per_batch=32, mixture_positions=64)


def tiny_training_data(folder: Path) -> TrainingData:
    dataset = load_dataset(write_tiny_shop(folder, users_per_group=30)).dataset
    sequences = build_sequences(dataset, seed=0)
    spec = fit_feature_spec(dataset.catalogue, text_encoder_digest="none", text_width=4, uses_time=True)
    return TrainingData(
        sequences=split_sequences(sequences, "none", time="real", seed=0).train,
        content=encode_content(dataset.catalogue, spec, lambda texts: np.zeros((len(texts), 4), np.float32)),
        spec=spec,
        mask_seen=True,
        digest="tiny",
    )


def run(
    data: TrainingData,
    folder: Path,
    *,
    config: TrainingConfig = CONFIG,
    resume: bool = False,
    progress: Progress | None = None,
) -> TrainedNetworks:
    return train_networks(
        data, config, checkpoint_folder=folder / "checkpoint", log_folder=folder / "log", resume=resume,
        progress=progress or NoProgress(),
    )  # fmt: skip


def weights(trained: TrainedNetworks) -> dict[str, torch.Tensor]:
    return trained.networks.state_dict()


def assert_same_weights(one: TrainedNetworks, other: TrainedNetworks) -> None:
    for name, value in weights(one).items():
        assert torch.equal(value, weights(other)[name]), name


class StopsAfter:
    """Progress that ends the run in the middle of a step: as Ctrl-C does, or otherwise as a kill would."""

    def __init__(self, steps: int, by: type[BaseException] = KeyboardInterrupt) -> None:
        self.steps = steps
        self.by = by

    def start(self, task: str, total: int | None = None) -> None:
        pass

    def advance(self, steps: int = 1, note: str = "") -> None:
        self.steps -= steps
        if self.steps < 0:
            raise self.by

    def finish(self, note: str = "") -> None:
        pass
