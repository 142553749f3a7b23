"""The demo on a dataset of one's own, as a process."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from app.demo.bundle import SEED, bundle_folder
from models.bundle.manifest import read_manifest
from models.data.read import load_dataset
from models.pipeline.train import TrainOptions
from models.training.config import training_config
from tests.app.conftest import key_made, sqlite_url
from tests.app.test_cli import FIGMENT, SECONDS, fails, figment, is_ready
from tests.service.process import environment, free_port


@pytest.fixture(scope="module")
def folder(tiny_shop, tiny_bundle, tmp_path_factory) -> Path:
    """Where the demo ran once; it found the bundle that it would have trained, and a shop whose service needs a key."""
    folder = tmp_path_factory.mktemp("demo")
    bundle = bundle_folder(folder / "var/bundles", tiny_shop, load_dataset(tiny_shop).dataset)
    shutil.copytree(tiny_bundle, bundle, copy_function=os.link)
    key_made(sqlite_url(folder / "var"))
    finished = figment("demo", "--dataset", tiny_shop, folder=folder, port=free_port())
    (folder / "output").write_text(finished.stdout + finished.stderr)
    assert finished.returncode == 0, finished.stderr
    return folder


class TestDemo:
    def test_answers_for_three_shoppers_with_what_they_really_took(self, folder):
        output = (folder / "output").read_text()
        assert output.count("Really bought next") == 3
        hits = len(re.findall(r"in the list: [1-9]", output))
        assert f"{hits} of 3 lists hold" in output

    def test_has_a_database_of_its_own_and_so_needs_no_key(self, folder):
        assert sorted(path.name for path in folder.glob("var/*.db")) == ["demo.db", "figment.db"]

    def test_every_list_is_of_the_shopper_s_own_taste(self, folder):
        output = (folder / "output").read_text()
        for shopper in output.split("Shopper ")[1:4]:
            taste = shopper.split("-")[0]
            listed = re.findall(r"^ *\d+ +(\w+) number", shopper, re.M)
            assert len(listed) == 10
            assert listed[:5] == [taste] * 5

    def test_compares_itself_with_simpler_systems(self, folder):
        output = (folder / "output").read_text()
        assert all(name in output for name in ("(this service)", "item-knn", "popularity", "HR@10", "NDCG@10"))

    def test_tells_source_and_licence(self, folder):
        assert "source: made by the tests; licence: not stated" in (folder / "output").read_text()

    def test_a_bundle_of_the_same_data_and_settings_is_not_trained_again(self, folder, tiny_shop):
        (bundle,) = (folder / "var/bundles").glob("[!.]*")
        assert read_manifest(bundle).training == training_config("quick", SEED).as_dict()
        assert not (folder / "var/checkpoints").exists()

    def test_bundle_is_named_after_the_folder_without_spaces(self, tiny_shop):
        dataset = load_dataset(tiny_shop).dataset
        assert bundle_folder(Path("b"), Path("my shop"), dataset).name.startswith("my-shop-quick-")

    def test_other_data_or_settings_have_another_bundle(self, tiny_shop):
        dataset = load_dataset(tiny_shop).dataset
        other = replace(dataset, digest="0" * 64)
        assert bundle_folder(Path(), tiny_shop, dataset) != bundle_folder(Path(), tiny_shop, other)

    @pytest.mark.long
    def test_trains_a_bundle_where_none_is(self, tiny_shop, warm_cache, tmp_path):
        (tmp_path / "var").mkdir()
        (tmp_path / "var/cache").symlink_to(warm_cache)
        finished = figment("demo", "--dataset", tiny_shop, folder=tmp_path, port=free_port())
        assert finished.returncode == 0, finished.stderr
        (bundle,) = (tmp_path / "var/bundles").glob("[!.]*")
        assert bundle == bundle_folder(bundle.parent, tiny_shop, load_dataset(tiny_shop).dataset)
        # what was interrupted after training goes on from its last checkpoint: nothing is learned twice
        shutil.rmtree(bundle)
        checkpoint = TrainOptions(dataset=tiny_shop, out=bundle, var=tmp_path / "var").checkpoints / "measured"
        learned = {file.name: file.stat().st_mtime_ns for file in checkpoint.iterdir()}
        finished = figment("demo", "--dataset", tiny_shop, folder=tmp_path, port=free_port())
        assert finished.returncode == 0, finished.stderr
        assert {file.name: file.stat().st_mtime_ns for file in checkpoint.iterdir()} == learned

    @pytest.mark.long
    def test_a_checkpoint_of_other_settings_does_not_stop_it(self, tiny_shop, warm_cache, tmp_path):
        (tmp_path / "var").mkdir()
        (tmp_path / "var/cache").symlink_to(warm_cache)
        bundle = bundle_folder(tmp_path / "var/bundles", tiny_shop, load_dataset(tiny_shop).dataset)
        checkpoint = TrainOptions(dataset=tiny_shop, out=bundle, var=tmp_path / "var").checkpoints / "measured"
        checkpoint.mkdir(parents=True)
        (checkpoint / "facts.json").write_text('{"run": {"settings": "others"}, "epoch": 1, "step": 1, "means": {}}')
        finished = figment("demo", "--dataset", tiny_shop, folder=tmp_path, port=free_port())
        assert finished.returncode == 0, finished.stderr
        assert bundle.is_dir()

    def test_busy_port_is_named_before_anything_is_done(self, tiny_shop, tmp_path):
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            fails(
                figment("demo", "--dataset", tiny_shop, "--port", port, folder=tmp_path), 1, [str(port), "FIGMENT_PORT"]
            )
        assert list(tmp_path.iterdir()) == []

    def test_damaged_bundle_is_named_and_what_to_do(self, folder, tiny_shop):
        (bundle,) = (folder / "var/bundles").glob("[!.]*")
        model_card = bundle / "MODEL_CARD.md"
        content = model_card.read_bytes()
        try:
            model_card.unlink()  # it may be linked elsewhere
            model_card.write_bytes(content + b".")
            finished = figment("demo", "--dataset", tiny_shop, folder=folder, port=free_port())
        finally:
            model_card.write_bytes(content)
        fails(finished, 1, ["MODEL_CARD.md"])
        assert "Remove" in finished.stdout

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_serves_until_told_to_stop_and_leaves_no_process(self, folder, tiny_shop, number):
        port = free_port()
        process = subprocess.Popen(
            [FIGMENT, "demo", "--serve", "--dataset", tiny_shop, "--port", str(port)],
            cwd=folder, env=environment({}), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        try:
            give_up = time.monotonic() + SECONDS
            assert process.stdout
            for line in process.stdout:
                assert time.monotonic() < give_up
                if line.startswith("Serving until"):
                    break
            assert is_ready(port)
            process.send_signal(number)
            process.communicate(timeout=SECONDS)
        finally:
            process.kill()
            process.communicate()
        assert process.returncode == {signal.SIGINT: 0, signal.SIGTERM: 143}[number]
        assert not is_ready(port)
