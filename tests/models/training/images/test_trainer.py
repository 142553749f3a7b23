from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.domain.errors import CheckpointMismatch
from models.domain.progress import NoProgress
from models.training.images import config as config_module
from models.training.images.config import PictureConfig
from models.training.images.data import PictureData, batches_from
from models.training.images.trainer import train_pictures

CONFIG = PictureConfig(size=32, steps=6, batch_size=8, num_penalised=2, noise_size=4, condition_size=8, style_size=8)


@pytest.fixture(autouse=True)
def small_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CHANNELS", "CRITIC_CHANNELS"):
        monkeypatch.setattr(config_module, name, {32: (8, 8, 8, 4)})


@pytest.fixture
def data() -> PictureData:
    rng = np.random.default_rng(0)
    return PictureData(
        photos_NHWC=rng.integers(0, 256, (40, 32, 32, 1), np.uint8),
        category_N=rng.integers(1, 3, 40),
        colour_N=np.zeros(40, np.int64),
        feature_NF=rng.normal(size=(40, 2)).astype(np.float32),
        num_categories=2,
        num_colours=0,
        digest="d",
    )


class TestTrainPictures:
    def test_a_resumed_run_ends_where_an_uninterrupted_one_ends(
        self, data: PictureData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def train(folder: str, *, resume: bool) -> dict[str, torch.Tensor]:
            trained = train_pictures(
                data, CONFIG, checkpoint_folder=tmp_path / folder, resume=resume, progress=NoProgress()
            )
            return trained.generator.state_dict()

        whole = train("whole", resume=False)
        with monkeypatch.context() as interrupted:
            interrupted.setattr("models.training.images.trainer.CHECKPOINT_SECONDS", 0.0)
            interrupted.setattr("models.training.images.trainer.take_step", _stops_at(3))
            with pytest.raises(KeyboardInterrupt):
                train("resumed", resume=False)
        resumed = train("resumed", resume=True)
        for name, tensor in whole.items():
            torch.testing.assert_close(resumed[name], tensor, rtol=0, atol=0)

    def test_a_checkpoint_of_other_options_is_refused(self, data: PictureData, tmp_path: Path) -> None:
        run = {"checkpoint_folder": tmp_path / "run", "progress": NoProgress()}
        train_pictures(data, CONFIG, resume=False, **run)
        with pytest.raises(CheckpointMismatch, match="--steps"):
            train_pictures(data, replace(CONFIG, steps=7), resume=True, **run)


def _stops_at(step: int):
    from models.training.images.step import take_step

    def stopping(pair, batch, config, done):
        if done == step:
            raise KeyboardInterrupt
        return take_step(pair, batch, config, done)

    return stopping


class TestBatches:
    def test_from_a_later_step_on_are_those_of_a_run_from_the_start(self, data: PictureData) -> None:
        whole = batches_from(data, batch_size=8, seed=1, start=0)
        seen = [next(whole).photos_BCHW for _ in range(9)]
        for start in (3, 5, 7):
            torch.testing.assert_close(
                next(batches_from(data, batch_size=8, seed=1, start=start)).photos_BCHW, seen[start]
            )
