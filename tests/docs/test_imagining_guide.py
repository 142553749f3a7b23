"""The commands of the guide's page on what does not exist, typed as they stand there, beside a shop's CSV files."""

import json
import sys

import polars as pl
import pytest

from app.api.concepts import DEFAULT_NUM
from app.api.jobs import MAX_UNFINISHED
from app.api.segments import MAX_HISTORIES
from app.api.synthetic import MAX_AT_ONCE, MAX_ITEMS, MAX_SESSIONS
from app.runtime.imagining import MAX_EVENTS, MAX_STORED_EVENTS
from models.concepts.imagine import (
    DEFAULT_NOVELTY,
    LEAST_REALISM,
    MAX_CONCEPTS,
    MAX_SHOPPERS,
    MOST_ALIKE,
    NUM_COMPARED,
)
from models.synthesis.segment import MIN_SHOPPERS
from models.training.decoder import MIN_ITEMS
from tests.docs.documents import REPOSITORY, shell_blocks
from tests.docs.shell import Shell, end
from tests.docs.test_guide import START_SECONDS, documents_in
from tests.tiny_shop import write_tiny_csv_shop

PAGE = REPOSITORY / "docs/guide/imagining.md"
GUIDE = " ".join(PAGE.read_text().split())
CONCEPTS, SYNTHESIZE, ASK = shell_blocks(PAGE)


class TestLimits:
    @pytest.mark.parametrize(
        "told",
        [
            f"up to {MAX_SHOPPERS} of the segment's shoppers",
            f"beside {NUM_COMPARED} real products",
            f"below {LEAST_REALISM} a wish is dropped",
            f"cosine from {MOST_ALIKE} on",
            f"up to {MAX_HISTORIES:,} `histories`",
            f"newest {MAX_STORED_EVENTS:,} stored events",
            f"at least {MIN_SHOPPERS} shoppers",
            f"| `n` | {DEFAULT_NUM} | 1 | {MAX_CONCEPTS} |",
            f"| `novelty` | {DEFAULT_NOVELTY} | 0 | 1 |",
            f"| `num_sessions` | required | 1 | {MAX_AT_ONCE:,} at once, {MAX_SESSIONS:,} as a job |",
            f"| `num_items` | required | 1 | {MAX_AT_ONCE:,} at once, {MAX_ITEMS:,} as a job |",
            f"more than {MAX_EVENTS:,} events in all",
            f"at most {MAX_UNFINISHED} jobs of a kind wait or run",
            f"fewer than {MIN_ITEMS} items",
        ],
    )
    def test_are_those_of_the_code(self, told):
        assert told in GUIDE


@pytest.mark.long
class TestCommands:
    def test_imagine_from_files_and_over_http(self, tmp_path, tiny_bundle):
        (tmp_path / ".venv").symlink_to(sys.prefix)
        (tmp_path / "var/bundles").mkdir(parents=True)
        (tmp_path / "var/bundles/my-shop-1").symlink_to(tiny_bundle)
        write_tiny_csv_shop(tmp_path / "my-shop")
        shell = Shell(tmp_path, HOME=str(tmp_path), FIGMENT_BUNDLE=str(tiny_bundle))
        assert " 1. " in shell.run(CONCEPTS)
        assert json.loads((tmp_path / "var/concepts.json").read_text())["provenance"]["synthetic"] is True
        shell.run(SYNTHESIZE)
        sessions = pl.read_parquet(tmp_path / "var/sessions.parquet")
        assert sessions["user_id"].n_unique() == 500
        assert sessions["synthetic"].all()
        assert len(pl.read_parquet(tmp_path / "var/items.parquet")) == 50
        serving = shell.start(".venv/bin/figment serve")
        try:
            shell.wait_until_ready(serving, seconds=START_SECONDS)
            concepts, made_sessions, made_items = documents_in(shell.run(ASK))
        finally:
            end(serving)
        assert concepts["concepts"]
        assert len(made_sessions["sessions"]) == len(made_items["items"]) == 2
