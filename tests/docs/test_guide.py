"""The guide's commands, typed as they stand there, in a folder with a shop's CSV files and an environment."""

import json
import re
import sys
import time
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from figment_client import Figment
from tests.docs.documents import REPOSITORY, shell_blocks
from tests.docs.shell import Shell, end
from tests.tiny_shop import write_tiny_csv_shop

BLOCKS = re.findall(r"^```(?:sh|python)\n(.*?)^```", (REPOSITORY / "docs/guide.md").read_text(), re.M | re.S)
WORDS = (
    "figment check",
    "figment train",
    "figment keys",
    "figment serve",
    "/v1/recommendations",
    "/v1/events",
    "anna:merge",
    "from figment_client",
    "Origin:",
    "items:batch",
    "items/tea-20",
    "boosts",
    "/v1/search",
    "/explanation",
    "/metrics",
    "events export",
    "my-shop-2:activate",
    "my-shop-1:activate",
)
"""What each block can be told by, in their order."""
START_SECONDS = 120


class TestBlocks:
    def test_are_those_that_the_tests_below_run(self):
        assert [words in block for words, block in zip(WORDS, BLOCKS, strict=True)] == [True] * len(WORDS)


class TestKeys:
    def test_are_made_and_listed_as_their_page_tells(self, tmp_path):
        (tmp_path / ".venv").symlink_to(Path(sys.prefix))
        shell = Shell(tmp_path, HOME=str(tmp_path))
        printed = [shell.run(block) for block in shell_blocks(REPOSITORY / "docs/guide/keys.md")]
        listed = shell.run(".venv/bin/figment keys list")
        assert "shop front end" in printed[0]
        assert "https://shop.example" in listed
        assert listed.count("recommend") == len(printed)


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    folder = tmp_path_factory.mktemp("guide")
    (folder / ".venv").symlink_to(Path(sys.prefix))
    write_tiny_csv_shop(folder / "my-shop")
    return Shell(folder, HOME=str(folder))


@pytest.fixture(scope="module")
def run(shell):
    """Runs the block with these words; its standard output."""
    return lambda words: shell.run(BLOCKS[WORDS.index(words)])


@pytest.fixture(scope="module")
def answers(run):
    """Runs the block with these words; the JSON documents that it prints."""
    return lambda words: documents_in(run(words))


@pytest.fixture(scope="module")
def service(shell, run):
    """What the blocks before it lead to."""
    assert "No problems found" in run("figment check")
    run("figment train")
    assert len(run("figment keys").splitlines()) == 2
    serving = shell.start(BLOCKS[WORDS.index("figment serve")])
    try:
        shell.wait_until_ready(serving, seconds=START_SECONDS)
        yield serving
    finally:
        end(serving)


def documents_in(printed):
    """One after the other."""
    decoder, rest, found = json.JSONDecoder(), printed.strip(), []
    while rest:
        document, end_of_it = decoder.raw_decode(rest)
        found.append(document)
        rest = rest[end_of_it:].lstrip()
    return found


def ids_of(answer):
    return [item["item_id"] for item in answer["items"]]


def groups_of(answer):
    return {item_id.split("-")[0] for item_id in ids_of(answer)}


@pytest.fixture(scope="module")
def ask(shell, service):
    """Everything that is listed for a tea lover."""
    key = (shell.folder / "var/shop.key").read_text().strip()
    with Figment(f"http://127.0.0.1:{shell.port}", api_key=key) as figment:
        asked = {"history": [{"item_id": "tea-1"}], "k": 100, "return_properties": ["price"]}
        yield lambda: figment.recommend(**asked)


@pytest.mark.long
@pytest.mark.usefixtures("service")
class TestCommands:
    """In order: each test goes on where the one before ended."""

    def test_first_list_is_tea_for_who_looked_at_tea(self, answers):
        (answer,) = answers("/v1/recommendations")
        assert groups_of(answer) == {"tea"}
        assert len(answer["items"]) == 5

    def test_events_are_stored_and_become_anna_s(self, answers):
        assert answers("/v1/events") == [{"accepted": 2, "duplicates": 0, "errors": []}]
        merged, answer = answers("anna:merge")
        assert merged == {"moved": 1}
        assert answer["fallback"] == "none"
        assert groups_of(answer) == {"tea"}

    def test_program_asks_and_reports(self, shell):
        (shell.folder / "shop.py").write_text(
            BLOCKS[WORDS.index("from figment_client")].replace("127.0.0.1:8000", f"127.0.0.1:{shell.port}")
        )
        assert shell.run(".venv/bin/python shop.py").startswith("tea number")

    def test_page_asks_with_its_own_key(self, answers):
        (answer,) = answers("Origin:")
        assert len(answer["items"]) == 4
        assert "tea-3" not in ids_of(answer)
        assert groups_of(answer) == {"tea"}

    def test_prices_and_stock_are_in_the_next_answer(self, answers, ask):
        before = {item["item_id"]: item["properties"]["price"] for item in ask()["items"]}
        assert before["tea-6"] == 7.0
        assert "tea-7" in before
        (answer,) = answers("items:batch")
        assert (answer["accepted"], answer["errors"]) == (2, [])
        after = {item["item_id"]: item["properties"]["price"] for item in ask()["items"]}
        assert after["tea-6"] == 5.5
        assert "tea-7" not in after

    def test_new_item_is_listed_and_deleted_one_is_not(self, answers, ask):
        assert answers("items/tea-20")[0]["title"] == "tea number 20"
        assert "tea-8" not in ids_of(ask())
        give_up = time.monotonic() + START_SECONDS
        while "tea-20" not in ids_of(ask()):
            assert time.monotonic() < give_up
            time.sleep(0.2)

    def test_rules_hold(self, answers):
        (answer,) = answers("boosts")
        shown = [item["properties"] for item in answer["items"]]
        assert len(shown) == 5
        assert all(one["price"] <= 15 and one["category"].startswith("tea > ") for one in shown)
        assert max(Counter(one["category"] for one in shown).values()) == 2

    def test_search_and_similar_items(self, answers):
        found, similar = answers("/v1/search")
        assert len(found["items"]) == 5
        assert groups_of(found) == {"tea"}
        assert groups_of(similar) == {"paint"}

    def test_reasons_are_told_with_the_list_and_afterwards(self, answers):
        listed, explanation = answers("/explanation")
        assert ids_of(explanation) == ids_of(listed)
        assert {"tea-4", "tea-5"} <= {reason["item_id"] for item in listed["items"] for reason in item["reasons"]}

    def test_what_came_of_it_is_told(self, shell, run):
        printed = run("/metrics")
        model, end_of_it = json.JSONDecoder().raw_decode(printed)
        (arm,) = [arm for arm in model["outcomes"]["arms"] if arm["events"]]
        assert (arm["events"], arm["revenue"]) == (
            {"click": 1, "purchase": 1},
            [{"currency": "EUR", "amount": 6.0}],
        )
        assert 'figment_outcome_revenue_total{currency="EUR"' in printed[end_of_it:]

    def test_stored_events_go_back_to_training(self, shell, run):
        printed = run("events export")
        assert "4 events in var/live.parquet" in printed
        first = pl.read_csv(shell.folder / "my-shop/events.csv").height
        events = pl.read_parquet(shell.folder / "my-shop-2/events.parquet")
        assert events.height == first + 4
        assert events.filter(pl.col("user_id") == "anna")["item_id"].to_list()[:2] == ["tea-4", "tea-5"]
        assert f"{first + 4:,} events" in printed

    def test_next_model_and_back(self, shell, run, answers):
        printed = run("my-shop-2:activate")
        listed, activated = documents_in(printed[printed.index('{"models"') :])
        assert {model["version"]: model["is_active"] for model in listed["models"]} == {
            "my-shop-1": True, "my-shop-2": False,
        }  # fmt: skip
        assert activated["model_version"] == "my-shop-2"
        assert answers("/v1/recommendations")[0]["meta"]["model_version"] == "my-shop-2"
        assert answers("my-shop-1:activate")[0]["model_version"] == "my-shop-1"
        assert answers("/v1/recommendations")[0]["meta"]["model_version"] == "my-shop-1"
