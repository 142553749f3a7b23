"""`kill -9` on a real training process, and `--resume` of it."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from models.bundle.digests import file_digest
from models.bundle.read import verify_bundle
from models.bundle.versions import list_bundles
from models.pipeline.train import TrainOptions

pytestmark = pytest.mark.long

GIVE_UP_SECONDS = 300
# `figment`, but with a checkpoint an epoch: a whole training on the tiny shop is shorter than the usual interval
COMMAND = """
from models.training import run
run.CHECKPOINT_SECONDS = 0.0
from app.cli import main
main()
"""


class Shop:
    """A folder to train in, with the text encoder of the session in its cache."""

    def __init__(self, folder: Path, dataset: Path, warm_cache: Path, version: str) -> None:
        self.folder, self.dataset = folder, dataset
        self.bundle = folder / "var" / "bundles" / version
        options = TrainOptions(dataset=dataset, out=self.bundle, var=folder / "var")
        self.checkpoint = options.checkpoints / "measured" / "facts.json"
        (folder / "var").mkdir()
        (folder / "var" / "cache").symlink_to(warm_cache)

    def start(self, *more: str) -> "subprocess.Popen[str]":
        arguments = ["train", "--dataset", str(self.dataset), "--out", str(self.bundle), "--profile", "quick", *more]
        return subprocess.Popen(
            [sys.executable, "-c", COMMAND, *arguments],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def kill_when(self, moment: Callable[[], object]) -> None:
        process = self.start()
        give_up = time.monotonic() + GIVE_UP_SECONDS
        while not moment():
            if process.poll() is not None or time.monotonic() > give_up:
                process.kill()
                pytest.fail(f"the moment to kill never came:\n{process.communicate()[0]}")
            time.sleep(0.002)
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL

    def finish(self, *more: str) -> str:
        process = self.start(*more)
        try:
            output, _ = process.communicate(timeout=GIVE_UP_SECONDS)
        finally:
            process.kill()
        assert process.returncode == 0, output
        return output

    def unfinished(self) -> list[Path]:
        return list(self.bundle.parent.glob(".unfinished-*"))


@pytest.fixture
def shop(tmp_path: Path, tiny_shop: Path, tiny_bundle: Path, warm_cache: Path) -> Shop:
    return Shop(tmp_path, tiny_shop, warm_cache, tiny_bundle.name)


def weights(bundle: Path) -> dict[str, str]:
    digests = {path.name: file_digest(path) for path in (bundle / "weights").glob("*.safetensors")}
    assert sorted(digests) == [f"{name}.safetensors" for name in ("critic", "decoder", "generator", "items", "judge")]
    return digests


class TestKill:
    def test_in_training_costs_nothing_but_time(self, shop: Shop, tiny_bundle: Path) -> None:
        shop.kill_when(shop.checkpoint.exists)
        assert not shop.bundle.parent.exists()
        shop.finish("--resume")
        assert verify_bundle(shop.bundle).scoreboard.keys() == verify_bundle(tiny_bundle).scoreboard.keys()
        assert weights(shop.bundle) == weights(tiny_bundle)

    def test_in_writing_leaves_no_half_bundle(self, shop: Shop, tiny_bundle: Path) -> None:
        shop.kill_when(lambda: any((folder / "weights").exists() for folder in shop.unfinished()))
        assert not shop.bundle.exists()
        assert list_bundles(shop.bundle.parent) == []
        assert len(shop.unfinished()) == 1
        shop.finish("--resume")
        assert shop.unfinished() == []
        # every epoch was done: training again would give the same weights, but not in no time
        spent, whole = (verify_bundle(each).metrics["networks_cpu_seconds"] for each in (shop.bundle, tiny_bundle))
        assert spent < whole / 4
        assert weights(shop.bundle) == weights(tiny_bundle)
