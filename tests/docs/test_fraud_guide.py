"""The commands of the guide's page on fraud, typed as they stand there, beside a shop's CSV files."""

import json
import re
import sys
from pathlib import Path

import polars as pl
import pytest

from app.api.fraud import MAX_EVENTS, MAX_LISTINGS, MAX_SESSIONS
from models.fraud.sessions import MIN_EVENTS, MIN_POOL
from models.fraud.steps import NUM_COMPARED
from models.pipeline.fit_detector import LEAST_HISTORIES
from tests.docs.documents import REPOSITORY
from tests.docs.shell import Shell, end
from tests.docs.test_guide import START_SECONDS
from tests.tiny_shop import write_tiny_csv_shop, write_tiny_shop

GUIDE = (REPOSITORY / "docs/guide/fraud.md").read_text()
FIT, SESSIONS, FILE, ITEMS = re.findall(r"^```sh\n(.*?)^```", GUIDE, re.M | re.S)
TRAIN = ".venv/bin/figment train --dataset my-shop --out var/bundles/my-shop-1 --profile quick"
SERVE = ".venv/bin/figment serve --bundle var/bundles/my-shop-fraud"


class TestLimits:
    @pytest.mark.parametrize(
        "told",
        [
            f"at least {MIN_EVENTS} events",
            f"at most {MAX_SESSIONS:,} sessions and {MAX_EVENTS:,} events",
            f"From {MIN_POOL} sessions on",
            f"at most {MAX_LISTINGS} items",
            f"among {NUM_COMPARED} items",
            f"needs {LEAST_HISTORIES} shoppers",
        ],
    )
    def test_are_those_of_the_code(self, told):
        assert told in " ".join(GUIDE.split())


@pytest.mark.long
class TestCommands:
    def test_make_a_detector_and_ask_it(self, tmp_path):
        (tmp_path / ".venv").symlink_to(Path(sys.prefix))
        write_tiny_csv_shop(tmp_path / "my-shop")
        newer = pl.read_parquet(write_tiny_shop(tmp_path / "newer", seed=1) / "events.parquet")
        newer.write_csv(tmp_path / "new-events.csv")
        shell = Shell(tmp_path, HOME=str(tmp_path))
        shell.run(TRAIN)
        shell.run(FIT)
        serving = shell.start(SERVE)
        try:
            shell.wait_until_ready(serving, seconds=START_SECONDS)
            (session,) = json.loads(shell.run(SESSIONS))["scores"]
            assert (session["evidence"][0]["position"], session["evidence"][0]["item_id"]) == (2, "paint-7")
            curl, verb = ITEMS.split("\n.venv")
            (listing,) = json.loads(shell.run(curl))["scores"]
            assert {"category", "brand"} <= {each["field"] for each in listing["evidence"]}
        finally:
            end(serving)
        assert "to review" in shell.run(FILE)
        assert "to review" in shell.run(f".venv{verb}")
        assert pl.read_csv(tmp_path / "var/suspects.csv").height == 120
        assert pl.read_csv(tmp_path / "var/listings.csv").height == 40
