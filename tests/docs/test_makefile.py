import os
import re
import shutil
import subprocess

import pytest

from tests.docs.documents import REPOSITORY


@pytest.fixture
def make(tmp_path):
    """Runs make in a fresh folder that nothing was set up in, with a space in its name."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    (folder / "clients/python").mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "clients/python/pyproject.toml"):
        shutil.copy(REPOSITORY / name, folder / name)
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}

    def run(*arguments):
        command = ["make", *arguments]
        return subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60
        )

    return run


class TestHelp:
    def test_is_the_default_and_lists_every_target(self, make):
        phony = re.search(r"^\.PHONY: (.+)$", (REPOSITORY / "Makefile").read_text(), re.M)
        assert phony
        listed = make().stdout
        assert all(f"make {target} " in listed for target in phony.group(1).split())


class TestSetUp:
    def test_python_that_is_too_old_is_named(self, make, tmp_path):
        old = tmp_path / "old-python"
        old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2 && exit 0\nexit 1\n')
        old.chmod(0o755)
        finished = make("demo", f"PYTHON={old}")
        assert finished.returncode == 2
        assert "needs Python 3.11 or newer" in finished.stderr
        assert "Python 3.9.2" in finished.stderr

    def test_python_that_is_missing_is_named(self, make):
        finished = make("demo", "PYTHON=no-such-python")
        assert finished.returncode == 2
        assert "'no-such-python' is" in finished.stderr

    def test_install_does_that_and_nothing_else(self, make):
        planned = make("--dry-run", "install").stdout
        assert "pip install" in planned
        assert "figment demo" not in planned
        finished = make("--dry-run", "--assume-old=.venv/installed", "install")
        assert "pip install" not in finished.stdout

    def test_what_is_installed_already_is_not_installed_again(self, make):
        assert "pip install" in make("--dry-run", "test").stdout
        finished = make("--dry-run", "--assume-old=.venv/installed", "test")
        assert "pip install" not in finished.stdout


class TestTorchIndex:
    def test_is_empty_by_default_and_passed_on_where_set(self, make):
        assert "--extra-index-url" not in make("--dry-run", "test").stdout
        wanted = '--extra-index-url "https://download.pytorch.org/whl/cpu"'
        assert wanted in make("--dry-run", "test", "TORCH_INDEX=https://download.pytorch.org/whl/cpu").stdout


class TestBenchServing:
    def test_takes_the_bundle_and_the_dataset_that_are_named(self, make):
        planned = make("--dry-run", "bench-serving", "DATASET=my shop", "BUNDLE=a bundle").stdout
        assert '--dataset "my shop"' in planned
        assert '--bundle "a bundle"' in planned

    def test_else_takes_the_demos(self, make):
        planned = make("--dry-run", "bench-serving").stdout
        assert "var/datasets/complete-journey" in planned
        assert "var/bundles/*-quick-*" in planned


class TestDemo:
    def test_passes_the_dataset_on_even_with_spaces(self, make):
        assert 'figment demo --dataset "my shop"' in make("--dry-run", "demo", "DATASET=my shop").stdout
