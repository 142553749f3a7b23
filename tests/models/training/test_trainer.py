import copy
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.data.read import load_dataset
from models.data.sequences_from_events import build_sequences
from models.data.split import split_sequences
from models.domain.errors import CheckpointMismatch, TrainingDiverged
from models.domain.progress import NoProgress
from models.features.content import encode_content
from models.features.spec import fit_feature_spec
from models.training import trainer
from models.training.batches import epoch_batches
from models.training.config import QUICK, TrainingConfig
from models.training.step import CatalogueTensors, Step
from models.training.trainer import TrainedNetworks, TrainingData, train_networks
from models.training.watch import Watch
from tests.tiny_shop import write_tiny_shop

CONFIG = replace(QUICK, embedding_size=16, epochs=3, min_steps=1, users_per_batch=32, mixture_positions=64)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
    dataset = load_dataset(write_tiny_shop(tmp_path_factory.mktemp("shop"), users_per_group=30)).dataset
    sequences = build_sequences(dataset, seed=0)
    spec = fit_feature_spec(dataset.catalogue, text_encoder_digest="none", text_width=4, uses_time=True)
    return TrainingData(
        sequences=split_sequences(sequences, "none", time="real", seed=0).train,
        content=encode_content(dataset.catalogue, spec, lambda texts: np.zeros((len(texts), 4), np.float32)),
        spec=spec,
        mask_seen=True,
        digest="tiny",
    )


def run(data: TrainingData, folder: Path, *, config: TrainingConfig = CONFIG, resume: bool = False) -> TrainedNetworks:
    return train_networks(
        data, config, checkpoint_folder=folder / "checkpoint", log_folder=folder / "log", resume=resume,
        progress=NoProgress(),
    )  # fmt: skip


def weights(trained: TrainedNetworks) -> dict[str, torch.Tensor]:
    return trained.networks.state_dict()


class StopsAfter:
    """Progress that ends the run in the middle of a step, as a kill would."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def start(self, task: str, total: int | None = None) -> None:
        pass

    def advance(self, steps: int = 1, note: str = "") -> None:
        self.steps -= steps
        if self.steps < 0:
            raise KeyboardInterrupt

    def finish(self, note: str = "") -> None:
        pass


class TestTrainNetworks:
    def test_is_deterministic_for_a_seed(self, data: TrainingData, tmp_path: Path) -> None:
        first, again = run(data, tmp_path / "a"), run(data, tmp_path / "b")
        other = run(data, tmp_path / "c", config=replace(CONFIG, seed=1))
        for name, value in weights(first).items():
            assert torch.equal(value, weights(again)[name]), name
        assert not torch.equal(weights(first)["items.identity.weight"], weights(other)["items.identity.weight"])

    def test_an_interrupted_run_resumes_to_the_same_numbers(
        self, data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole = run(data, tmp_path / "whole")
        per_epoch = whole.steps // CONFIG.epochs
        monkeypatch.setattr(trainer, "CHECKPOINT_SECONDS", 0.0)  # an epoch of the tiny shop takes no time
        with pytest.raises(KeyboardInterrupt):
            train_networks(
                data, CONFIG, checkpoint_folder=tmp_path / "cut" / "checkpoint", log_folder=tmp_path / "cut" / "log",
                resume=False, progress=StopsAfter(per_epoch + 1),
            )  # fmt: skip
        resumed = run(data, tmp_path / "cut", resume=True)
        assert resumed.steps == whole.steps
        for name, value in weights(whole).items():
            assert torch.equal(value, weights(resumed)[name]), name

    def test_refuses_the_checkpoint_of_another_run(self, data: TrainingData, tmp_path: Path) -> None:
        run(data, tmp_path)
        with pytest.raises(CheckpointMismatch, match="the checkpoint's --seed is 0, this run's is 5"):
            run(data, tmp_path, config=replace(CONFIG, seed=5), resume=True)
        with pytest.raises(CheckpointMismatch, match="data"):
            run(replace(data, digest="other"), tmp_path, resume=True)
        with pytest.raises(CheckpointMismatch, match="--split is not recorded, this run's is temporal"):
            run(replace(data, options={"--split": "temporal"}), tmp_path, resume=True)

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

    def test_both_networks_learn(self, data: TrainingData, tmp_path: Path) -> None:
        start = trainer.build_networks(CONFIG, data.spec, data.content).state_dict()
        end = weights(run(data, tmp_path))
        for name in ("critic.body.0.weight", "generator.noise_in.weight", "generator.encoder.input_norm.weight"):
            assert not torch.equal(start[name], end[name]), name

    def test_the_generator_learns_from_the_critic(self, data: TrainingData, tmp_path: Path) -> None:
        assert CONFIG.adversarial_ratio > 0
        listening = weights(run(data, tmp_path / "listening"))
        deaf = weights(run(data, tmp_path / "deaf", config=replace(CONFIG, adversarial_ratio=0.0)))
        for name in ("generator.noise_in.weight", "generator.encoder.input_norm.weight"):
            assert not torch.equal(listening[name], deaf[name]), name

    def test_each_loss_moves_its_own_network_only(self, data: TrainingData) -> None:
        networks = trainer.build_networks(CONFIG, data.spec, data.content)
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

    def test_a_loss_that_is_no_number_stops_the_run(self, data: TrainingData, tmp_path: Path) -> None:
        with pytest.raises(TrainingDiverged, match=r"not a finite number: .*likelihood"):
            run(data, tmp_path, config=replace(CONFIG, learning_rate=1e30))


class TestWatch:
    def test_names_every_term_that_is_not_finite(self) -> None:
        terms = {"good": torch.tensor(1.0), "bad": torch.tensor(torch.nan), "worse": torch.tensor(torch.inf)}
        with pytest.raises(TrainingDiverged, match="step 7: not a finite number: bad, worse"):
            Watch({}).look(7, terms)
