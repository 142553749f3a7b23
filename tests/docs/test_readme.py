"""The README's commands, typed as they stand there, in a clean clone with an empty home directory."""

import json
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from tests.docs.documents import REPOSITORY, shell_blocks
from tests.docs.shell import Shell, end
from tests.tiny_shop import write_tiny_csv_shop

README = REPOSITORY / "README.md"
SECONDS = {"make demo": 1_450, "make serve": 120}


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """What is committed, with nothing of this user's but the way to the package index."""
    folder = tmp_path_factory.mktemp("readme")
    subprocess.run(["git", "clone", "--quiet", REPOSITORY, folder / "clone"], check=True)
    (folder / "home").mkdir()
    return Shell(folder / "clone", HOME=str(folder / "home"), PYTHON=sys.executable)


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
            "make install",
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
            clone.wait_until_ready(serving, seconds=SECONDS["make serve"])
            answer = json.loads(clone.run(blocks[3]))
        finally:
            end(serving)
        assert len(answer["items"]) == 5
        assert all(item["properties"]["title"] for item in answer["items"])
        assert (answer["fallback"], answer["warnings"]) == ("none", [])
        assert not clone.is_ready()

    def test_own_data_are_checked_trained_on_measured_and_answered(self, clone, blocks):
        write_tiny_csv_shop(clone.folder / "my-shop")
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
