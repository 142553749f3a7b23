"""Who may import whom, and that the rules have teeth."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")


def lint_imports(repository: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [LINT_IMPORTS, "--no-logo", "--no-cache"],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def copied(tmp_path):
    for package in ("app", "models"):
        shutil.copytree(REPOSITORY / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    return tmp_path


class TestLayers:
    def test_all_contracts_are_kept(self):
        finished = lint_imports(REPOSITORY)
        assert finished.returncode == 0, finished.stdout

    def test_a_module_outside_the_layers_is_noticed(self, copied):
        (copied / "app" / "utils.py").write_text("")
        finished = lint_imports(copied)
        assert finished.returncode != 0
        assert "app.utils" in finished.stdout

    def test_torch_behind_the_service_is_noticed(self, copied):
        with (copied / "models" / "features" / "spec.py").open("a") as file:
            file.write("\nimport torch\n")
        finished = lint_imports(copied)
        assert finished.returncode != 0
        assert "reaches neither torch" in finished.stdout.replace("\n", " ")
