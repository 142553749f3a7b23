"""The README's commands, typed as they stand there, in a clean clone with an empty home directory."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import polars as pl
import pytest

from tests.docs.documents import REPOSITORY, shell_blocks
from tests.service.process import free_port
from tests.tiny_shop import write_tiny_shop

README = REPOSITORY / "README.md"
KEPT_VARIABLES = re.compile(
    r"PATH|LANG|LC_.*|PIP_.*|TORCH_INDEX|TMPDIR|[A-Z]+_PROXY|[a-z]+_proxy|SSL_.*|.*_CERT|OPENBLAS_.*"
)
SECONDS = {"make demo": 900, "make serve": 120}


class CleanClone:
    """A clone of what is committed, with nothing of this user's but the way to the package index."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "clone"
        home = folder / "home"
        home.mkdir()
        subprocess.run(["git", "clone", "--quiet", REPOSITORY, self.folder], check=True)
        kept = {name: value for name, value in os.environ.items() if KEPT_VARIABLES.fullmatch(name)}
        self.port = free_port()
        self.environment = {**kept, "HOME": str(home), "PYTHON": sys.executable, "FIGMENT_PORT": str(self.port)}

    def start(self, block: str, **options) -> "subprocess.Popen[str]":
        typed = block.replace("127.0.0.1:8000", f"127.0.0.1:{self.port}")
        return subprocess.Popen(
            ["bash", "-e", "-c", typed],
            cwd=self.folder,
            env=self.environment,
            text=True,
            start_new_session=True,
            **options,
        )

    def run(self, block: str, *, seconds: float = 600) -> str:
        """Standard output of a block that must succeed."""
        process = self.start(block, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            output, errors = process.communicate(timeout=seconds)
        finally:
            end(process)
        assert process.returncode == 0, f"{block}\n{output[-2000:]}\n{errors[-2000:]}"
        return output


def end(process: "subprocess.Popen[str]") -> None:
    """Ctrl-C for everything that the block started, and force if that is not heard."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    return CleanClone(tmp_path_factory.mktemp("readme"))


@pytest.fixture
def blocks():
    return shell_blocks(README)


class TestBlocks:
    def test_are_the_commands_that_the_tests_below_know(self, blocks):
        first_words = [" ".join(block.split()[:2]) for block in blocks]
        assert first_words == [
            "make demo",
            "make test",  # this very suite: the one block that no test runs
            "make serve",
            "curl --fail-with-body",
            ".venv/bin/figment check",
        ]


@pytest.mark.long
class TestCommands:
    """In order: each test goes on in the clone where the one before ended."""

    def test_demo_answers_for_three_shoppers(self, clone, blocks):
        output = clone.run(blocks[0], seconds=SECONDS["make demo"])
        assert output.count("Really bought next") == 3
        assert "MIT" in output
        assert "simulated" in output
        assert (clone.folder / ".venv/bin/figment").exists()

    def test_demo_is_quick_the_second_time(self, clone, blocks):
        started = time.monotonic()
        clone.run(blocks[0])
        assert time.monotonic() - started < 60

    def test_service_answers_what_the_readme_asks(self, clone, blocks):
        serving = clone.start(blocks[2])
        try:
            give_up = time.monotonic() + SECONDS["make serve"]
            while not is_ready(clone.port):
                assert serving.poll() is None
                assert time.monotonic() < give_up
                time.sleep(0.1)
            answer = json.loads(clone.run(blocks[3]))
        finally:
            end(serving)
        assert len(answer["items"]) == 5
        assert all(item["properties"]["title"] for item in answer["items"])
        assert (answer["fallback"], answer["warnings"]) == ("none", [])
        assert not is_ready(clone.port)

    def test_own_data_are_checked_trained_on_measured_and_answered(self, clone, blocks):
        shop = write_tiny_shop(clone.folder / "my-shop")
        for table in ("catalogue", "events"):
            pl.read_parquet(shop / f"{table}.parquet").write_csv(shop / f"{table}.csv")
            (shop / f"{table}.parquet").unlink()
        output = clone.run(blocks[4])
        assert "my-shop" in output
        measured = json.loads((clone.folder / "var/my-shop.json").read_text())
        assert {"figment", "popularity", "item-knn"} <= set(measured["systems"])
        lists = pl.read_parquet(clone.folder / "var/lists.parquet")
        assert lists.columns == ["user_id", "item_id", "rank", "score"]
        assert lists["user_id"].n_unique() == 120

    def test_nothing_but_pip_s_cache_was_written_into_the_home_directory(self, clone):
        home = Path(clone.environment["HOME"])
        left = {str(path.relative_to(home)) for path in (*home.glob("*"), *home.glob(".cache/*"))}
        assert left <= {".cache", ".cache/pip", ".rustup"}  # pip asks rustc's version, and rustup notes its settings


def is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health/ready").status_code == 200
    except httpx.TransportError:
        return False
