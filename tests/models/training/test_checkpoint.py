import os
from pathlib import Path

import pytest
import torch
from torch import nn

from models.domain.errors import CheckpointMismatch
from models.training import checkpoint as module
from models.training.checkpoint import (
    VERSION,
    Checkpoint,
    Trainee,
    load_checkpoint,
    newest_checkpoint,
    refuse_another_run,
    restore,
    save_checkpoint,
    snapshot,
)

WATCH = {"means": {"likelihood": 2.5}, "lowest_likelihood": 1 / 3, "norms": {"gradient_norm": [0.1, 0.2]}}
INCIDENT = {"epoch": 0, "step": 3, "reason": "divergence", "remedy": "adversary off"}
RUN = {VERSION: "1.0", "--profile": "quick", "--seed": "0", "data": "d", "epochs": "8"}


def trainee_of(seed: int) -> Trainee:
    """A network whose optimiser has taken a step, so that it has moments to keep."""
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.1)
    network(torch.randn(8, 3)).square().sum().backward()
    optimizer.step()
    return Trainee(modules={"network": network}, optimizers={"adam": optimizer})


def tensors_of(trainee: Trainee) -> dict[str, torch.Tensor]:
    tensors = dict(trainee.modules["network"].state_dict())
    for number, state in trainee.optimizers["adam"].state_dict()["state"].items():
        tensors |= {f"{number}.{name}": value for name, value in state.items()}
    return tensors


def assert_same(one: Trainee, other: Trainee) -> None:
    left, right = tensors_of(one), tensors_of(other)
    assert left.keys() == right.keys()
    for name, value in left.items():
        assert torch.equal(value, right[name]), name


def save(folder: Path, seed: int, step: int) -> Trainee:
    trainee = trainee_of(seed)
    save_checkpoint(folder, trainee, Checkpoint(1, step, RUN, WATCH, (INCIDENT,)))
    return trainee


class TestRoundTrip:
    def test_gives_back_weights_moments_and_place(self, tmp_path: Path) -> None:
        saved, restored = save(tmp_path / "run", 0, 7), trainee_of(1)
        assert load_checkpoint(tmp_path / "run", restored, RUN) == Checkpoint(1, 7, RUN, WATCH, (INCIDENT,))
        assert_same(saved, restored)

    def test_the_newer_replaces_the_older_and_leaves_nothing_beside_it(self, tmp_path: Path) -> None:
        save(tmp_path / "run", 0, 1)
        newer, restored = save(tmp_path / "run", 1, 2), trainee_of(2)
        found = load_checkpoint(tmp_path / "run", restored, RUN)
        assert found is not None
        assert found.step == 2
        assert_same(newer, restored)
        assert [path.name for path in tmp_path.iterdir()] == ["run"]

    def test_nothing_saved_is_nothing_to_resume(self, tmp_path: Path) -> None:
        untouched = trainee_of(0)
        assert load_checkpoint(tmp_path / "run", untouched, RUN) is None
        assert_same(untouched, trainee_of(0))


class TestNewestCheckpoint:
    def test_is_the_last_that_was_written_whole(self, tmp_path: Path) -> None:
        assert newest_checkpoint(tmp_path / "run") is None
        save(tmp_path / "run" / "judged", 0, 300)
        os.utime(tmp_path / "run" / "judged" / "facts.json", (1, 1))
        save(tmp_path / "run" / "measured", 0, 50)
        half = tmp_path / "run" / "measured.writing"
        half.mkdir()
        (half / "facts.json").write_text("{")
        assert newest_checkpoint(tmp_path / "run") == (tmp_path / "run" / "measured", 50)


class TestRefuseAnotherRun:
    def test_compares_what_is_named_with_every_checkpoint_below(self, tmp_path: Path) -> None:
        save(tmp_path / "run" / "judged", 0, 300)
        refuse_another_run(tmp_path / "run", {"--seed": "0", "epochs": "8"})
        refuse_another_run(tmp_path / "nowhere", {"--seed": "1"})
        with pytest.raises(CheckpointMismatch, match="--seed is 0, this run's is 1") as caught:
            refuse_another_run(tmp_path / "run", {"--seed": "1"})
        assert caught.value.exit_code == 2


class TestSnapshot:
    def test_is_what_training_goes_back_to_as_often_as_it_must(self) -> None:
        trainee = trainee_of(0)
        kept = snapshot(trainee)
        for seed in (1, 2):
            go_on(trainee, seed)
            restore(trainee, kept)
            assert_same(trainee, trainee_of(0))

    def test_of_an_untouched_trainee_forgets_all_moments(self) -> None:
        network = nn.Linear(3, 1)
        trainee = Trainee({"network": network}, {"adam": torch.optim.Adam(network.parameters(), lr=0.1)})
        kept = snapshot(trainee)
        go_on(trainee, 0)
        assert trainee.optimizers["adam"].state_dict()["state"]
        restore(trainee, kept)
        assert not trainee.optimizers["adam"].state_dict()["state"]


def go_on(trainee: Trainee, seed: int) -> None:
    """Two more steps: the second shows whether the first one's moments were the kept ones."""
    torch.manual_seed(seed)
    for _ in range(2):
        trainee.modules["network"](torch.randn(8, 3)).square().sum().backward()
        trainee.optimizers["adam"].step()


class Killed(BaseException):
    pass


@pytest.mark.parametrize("before_rename", [1, 2])
class TestKill:
    """Killed before the first rename (old away) or between it and the second (new in place)."""

    def kill(self, folder: Path, monkeypatch: pytest.MonkeyPatch, before_rename: int) -> None:
        renames = []
        rename = Path.rename

        def counted(path: Path, target: Path) -> Path:
            renames.append(path)
            if len(renames) == before_rename:
                raise Killed
            return rename(path, target)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "rename", counted)
            with pytest.raises(Killed):
                save(folder, 1, 2)

    def test_leaves_the_older_checkpoint(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before_rename: int
    ) -> None:
        older = save(tmp_path / "run", 0, 1)
        self.kill(tmp_path / "run", monkeypatch, before_rename)
        assert (tmp_path / "run").exists() == (before_rename == 1)
        restored = trainee_of(2)
        found = load_checkpoint(tmp_path / "run", restored, RUN)
        assert found is not None
        assert found.step == 1
        assert_same(older, restored)

    def test_the_next_save_is_whole_again(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before_rename: int
    ) -> None:
        save(tmp_path / "run", 0, 1)
        self.kill(tmp_path / "run", monkeypatch, before_rename)
        newest, restored = save(tmp_path / "run", 3, 3), trainee_of(2)
        assert load_checkpoint(tmp_path / "run", restored, RUN) is not None
        assert_same(newest, restored)
        assert [path.name for path in tmp_path.iterdir()] == ["run"]


class TestToDisk:
    def test_contents_are_on_the_disk_before_the_name(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        done: list[str] = []
        to_disk, rename = module._to_disk, Path.rename

        def synced(path: Path) -> None:
            done.append(f"sync {path.name}")
            to_disk(path)

        def renamed(path: Path, target: Path) -> Path:
            done.append(f"rename to {target.name}")
            return rename(path, target)

        monkeypatch.setattr(module, "_to_disk", synced)
        monkeypatch.setattr(Path, "rename", renamed)
        save(tmp_path / "run", 0, 1)
        assert done == [
            "sync tensors.safetensors",
            "sync facts.json",
            "sync run.writing",
            "rename to run",
            f"sync {tmp_path.name}",
        ]


class TestAnotherRun:
    def refusal(self, folder: Path, **changes: str) -> str:
        save(folder, 0, 1)
        mine = trainee_of(1)
        with pytest.raises(CheckpointMismatch) as caught:
            load_checkpoint(folder, mine, {**RUN, **changes})
        assert_same(mine, trainee_of(1))
        return str(caught.value)

    def test_is_refused_with_option_and_both_values_and_changes_nothing(self, tmp_path: Path) -> None:
        told = self.refusal(tmp_path / "run", **{"--seed": "7"})
        assert told.startswith("cannot resume: the checkpoint's --seed is 0, this run's is 7.")

    def test_all_options_are_named_but_not_the_settings_that_follow(self, tmp_path: Path) -> None:
        told = self.refusal(tmp_path / "run", **{"--seed": "7", "--profile": "full", "epochs": "12"})
        assert "--seed is 0" in told
        assert "--profile is quick, this run's is full" in told
        assert "epochs" not in told

    def test_a_setting_is_named_where_the_options_agree(self, tmp_path: Path) -> None:
        assert "epochs is 8, this run's is 12" in self.refusal(tmp_path / "run", epochs="12")

    def test_another_version_is_the_only_thing_told(self, tmp_path: Path) -> None:
        told = self.refusal(tmp_path / "run", **{VERSION: "2.0", "--seed": "7"})
        assert "program version is 1.0, this run's is 2.0" in told
        assert "--seed" not in told

    def test_other_networks_are_refused_before_any_is_changed(self, tmp_path: Path) -> None:
        save(tmp_path / "run", 0, 1)
        torch.manual_seed(3)
        network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
        before = {name: value.clone() for name, value in network.state_dict().items()}
        with pytest.raises(CheckpointMismatch, match=r"shape of network\.2\.bias is missing, this run's is \(2,\)"):
            load_checkpoint(tmp_path / "run", Trainee({"network": network}, {}), RUN)
        assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
