import json
import signal

import pytest
import typer

from app.cli.parts import training_stopped
from models.bundle.write import unfinished_folder


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
class TestTrainingStopped:
    def stopped(self, number, tmp_path, capsys) -> str:
        before = signal.getsignal(signal.SIGTERM)
        with (
            pytest.raises(typer.Exit) as caught,
            training_stopped("no bundle", tmp_path / "checkpoints"),
            unfinished_folder(tmp_path / "bundles" / "b"),
        ):
            signal.raise_signal(number)
        assert caught.value.exit_code == 1
        assert signal.getsignal(signal.SIGTERM) is before
        assert list((tmp_path / "bundles").iterdir()) == []
        return capsys.readouterr().err.strip()

    def test_says_that_there_is_no_checkpoint_yet(self, number, tmp_path, capsys):
        told = self.stopped(number, tmp_path, capsys)
        assert told == "figment: stopped; no bundle was written, nor a checkpoint yet: the same command begins anew"

    def test_says_which_checkpoint_there_is(self, number, tmp_path, capsys):
        checkpoint = tmp_path / "checkpoints" / "judged"
        checkpoint.mkdir(parents=True)
        (checkpoint / "facts.json").write_text(json.dumps({"step": 216}))
        told = self.stopped(number, tmp_path, capsys)
        assert told.endswith(f"the same command with --resume goes on from step 216 of {checkpoint}")
