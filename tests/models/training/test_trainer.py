import copy
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.domain.errors import CheckpointMismatch
from models.domain.progress import NoProgress
from models.training import run as run_module
from models.training.batches import epoch_batches
from models.training.build import build_networks
from models.training.checkpoint import newest_checkpoint
from models.training.run import TrainingData
from models.training.step import CatalogueTensors, Step
from models.training.trainer import TrainedNetworks, train_networks
from tests.models.training.tiny_training import (
    CONFIG,
    StopsAfter,
    assert_same_weights,
    run,
    tiny_training_data,
    weights,
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
    return tiny_training_data(tmp_path_factory.mktemp("shop") / "shop")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `trained` left its checkpoint."""
    return tmp_path_factory.mktemp("trained")


@pytest.fixture(scope="module")
def trained(data: TrainingData, folder: Path) -> TrainedNetworks:
    """One run to the end, for every test that asks what a run does."""
    return run(data, folder)


class TestTrainNetworks:
    def test_is_deterministic_for_a_seed(self, data: TrainingData, trained: TrainedNetworks, tmp_path: Path) -> None:
        assert_same_weights(trained, run(data, tmp_path / "again"))
        other = run(data, tmp_path / "other", config=replace(CONFIG, seed=1))
        assert not torch.equal(weights(trained)["items.identity.weight"], weights(other)["items.identity.weight"])

    def test_an_interrupted_run_resumes_to_the_same_numbers(
        self, data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        config = replace(CONFIG, min_steps=60)
        whole = run(data, tmp_path / "whole", config=config)
        monkeypatch.setattr(run_module, "PROBE_EVERY_STEPS", 10)
        # a kill leaves what was written as time went by, Ctrl-C is time to write
        for by, checkpoint_seconds in ((SystemExit, 0.0), (KeyboardInterrupt, math.inf)):
            monkeypatch.setattr(run_module, "CHECKPOINT_SECONDS", checkpoint_seconds)
            folder = tmp_path / by.__name__
            with pytest.raises(by):
                run(data, folder, config=config, progress=StopsAfter(45, by))
            place, step = newest_checkpoint(folder) or (None, 0)
            assert place == folder / "checkpoint"
            assert 10 <= step <= 45
            resumed = run(data, folder, config=config, resume=True)
            assert resumed.steps == whole.steps
            assert whole.resumed_steps == 0 < resumed.resumed_steps < whole.steps
            assert_same_weights(whole, resumed)

    def test_ctrl_c_before_anything_was_learned_leaves_no_checkpoint(self, data: TrainingData, tmp_path: Path) -> None:
        with pytest.raises(KeyboardInterrupt):
            run(data, tmp_path, progress=StopsAfter(2))
        assert newest_checkpoint(tmp_path) is None

    @pytest.mark.usefixtures("trained")
    def test_refuses_the_checkpoint_of_another_run(self, data: TrainingData, folder: Path) -> None:
        with pytest.raises(CheckpointMismatch, match="the checkpoint's --seed is 0, this run's is 5"):
            run(data, folder, config=replace(CONFIG, seed=5), resume=True)
        with pytest.raises(CheckpointMismatch, match="data"):
            run(replace(data, digest="other"), folder, resume=True)
        with pytest.raises(CheckpointMismatch, match="--split is not recorded, this run's is temporal"):
            run(replace(data, options={"--split": "temporal"}), folder, resume=True)

    def test_says_whether_there_was_something_to_resume(
        self, data: TrainingData, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        class Prints(NoProgress):
            def finish(self, note: str = "") -> None:
                print(note)

        told = []
        for _ in range(2):
            train_networks(
                data, CONFIG, checkpoint_folder=tmp_path / "checkpoint", log_folder=tmp_path / "log", resume=True,
                progress=Prints(),
            )  # fmt: skip
            told.append(capsys.readouterr().out.splitlines()[0])
        assert told[0] == f"no checkpoint in {tmp_path / 'checkpoint'}: training begins anew"
        assert re.fullmatch(r".*checkpoint: 3 epochs and \d+ steps are done", told[1])

    def test_small_data_gets_enough_steps(self, data: TrainingData, tmp_path: Path) -> None:
        assert run(data, tmp_path, config=replace(CONFIG, epochs=1, min_steps=10)).steps >= 10

    def test_both_networks_learn(self, data: TrainingData, trained: TrainedNetworks) -> None:
        start = build_networks(CONFIG, data.spec, data.content).state_dict()
        end = weights(trained)
        for name in ("critic.body.0.weight", "generator.noise_in.weight", "generator.encoder.input_norm.weight"):
            assert not torch.equal(start[name], end[name]), name

    def test_the_generator_learns_from_the_critic(
        self, data: TrainingData, trained: TrainedNetworks, tmp_path: Path
    ) -> None:
        assert CONFIG.adversarial_ratio > 0
        listening = weights(trained)
        deaf = weights(run(data, tmp_path, config=replace(CONFIG, adversarial_ratio=0.0)))
        for name in ("generator.noise_in.weight", "generator.encoder.input_norm.weight"):
            assert not torch.equal(listening[name], deaf[name]), name

    def test_each_loss_moves_its_own_network_only(self, data: TrainingData) -> None:
        networks = build_networks(CONFIG, data.spec, data.content)
        average = copy.deepcopy(networks).requires_grad_(False)
        counts = np.bincount(data.sequences.item_rows_E, minlength=data.content.num_items)
        step = Step(CONFIG, networks, average, CatalogueTensors(data.content, counts), torch.float32)
        batch = next(
            epoch_batches(data.sequences, CONFIG, epoch=0, max_events=20, uses_time=True, mask_seen=data.mask_seen)
        )
        generator_loss, critic_loss, terms = step.losses(batch, 0.1)
        assert terms["adversarial_weight"] > 0
        generator_loss.backward(retain_graph=True)
        assert all(parameter.grad is None for parameter in networks.critic.parameters())
        assert networks.generator.noise_in.weight.grad is not None

        networks.zero_grad(set_to_none=True)
        critic_loss.backward()
        assert all(parameter.grad is None for parameter in networks.generator.parameters())
        assert all(parameter.grad is None for parameter in networks.items.parameters())
        assert any(parameter.grad is not None for parameter in networks.critic.parameters())
