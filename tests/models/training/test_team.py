"""Processes that train together, really started by torchrun."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from tests.models.training.team_program import LONG
from tests.models.training.tiny_training import run, tiny_training_data

SECONDS = 240


def started(folder, what, processes):
    """The ended program, alone or as a team."""
    folder.mkdir(exist_ok=True)
    team = ["-m", "torch.distributed.run", "--standalone", "--local-addr", "127.0.0.1", "--nproc-per-node"]
    program = ["-m", "tests.models.training.team_program", str(folder), what]
    command = [sys.executable, *([*team, str(processes)] if processes > 1 else []), *program]
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)


def told_by(folder, what, processes):
    ended = started(folder, what, processes)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """What two processes made."""
    return told_by(tmp_path_factory.mktemp("together"), "train", 2)


@pytest.mark.long
class TestTeam:
    def test_learns_what_one_process_learns(self, together, tmp_path):
        assert together["size"] == 2
        data = tiny_training_data(tmp_path / "shop")
        alone = [run(data, tmp_path / str(seed), config=replace(LONG, seed=seed)) for seed in (0, 1)]
        assert together["steps"] == alone[0].steps
        noise = max(0.15, 2 * abs(alone[0].means["likelihood"] - alone[1].means["likelihood"]))
        assert together["means"]["likelihood"] == pytest.approx(alone[0].means["likelihood"], abs=noise)

    def test_its_checkpoint_goes_on_alone_and_the_other_way_round(self, together, tmp_path):
        assert started(tmp_path / "two", "stop", 2).returncode != 0
        assert told_by(tmp_path / "two", "go-on", 1)["steps"] == together["steps"]
        assert started(tmp_path / "one", "stop", 1).returncode != 0
        gone_on = told_by(tmp_path / "one", "go-on", 2)
        assert (gone_on["size"], gone_on["steps"]) == (2, together["steps"])
