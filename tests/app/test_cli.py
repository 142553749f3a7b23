"""Every verb, run as a process: what it prints, and its exit code."""

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import httpx
import polars as pl
import pytest

from app.cli.verbs import SYSTEMS_HELP
from app.store.store import Store
from models.bundle.manifest import read_manifest
from models.evaluation.systems import SYSTEM_NAMES
from models.synthesis.segment import MIN_SHOPPERS
from tests.models.bundle.tiny_bundle import seal_tiny_bundle
from tests.service.process import environment, free_port
from tests.tiny_shop import write_tiny_shop

FIGMENT = Path(sys.executable).with_name("figment")
SECONDS = 300


def figment(*arguments: object, folder: Path, **settings: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [FIGMENT, *map(str, arguments)],
        cwd=folder, env=environment(settings), capture_output=True, text=True, check=False, timeout=SECONDS,
    )  # fmt: skip


def start(*arguments: object, folder: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [FIGMENT, *map(str, arguments)],
        cwd=folder, env=environment({}), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def fails(finished: "subprocess.CompletedProcess[str]", exit_code: int, words: Sequence[str]) -> None:
    told = " ".join(finished.stderr.split())
    assert finished.returncode == exit_code, finished.stderr
    assert "Traceback" not in finished.stderr
    for word in words:
        assert word in told


@pytest.fixture
def damaged_shop(tiny_shop, tmp_path) -> Path:
    """The tiny shop and one event of an item that it does not have."""
    shop = shutil.copytree(tiny_shop, tmp_path / "damaged")
    events = pl.read_parquet(shop / "events.parquet")
    stray = events.head(1).with_columns(item_id=pl.lit("no-such-item"))
    pl.concat([events, stray]).write_parquet(shop / "events.parquet")
    return shop


class TestUsage:
    def test_version_is_that_of_the_package(self, tmp_path):
        assert figment("--version", folder=tmp_path).stdout == f"{version('figment')}\n"

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ((), ["Usage"]),
            (("fly",), ["No such command"]),
            (("check",), ["--dataset"]),
            (("train", "--dataset", "a", "--out", "b", "--profile", "huge"), [": 'huge' is not one of 'full'"]),
            (("train", "--dataset", "a", "--out", "b", "--seed", "-1"), ["\"-1\" is less than the least allowed, 0"]),
            (("train", "--dataset", "a", "--out", "b", "--seed", "x"), ["must be an integer, got \"x\""]),
            (("evaluate", "--dataset", "a", "--systems", ""), ["unknown system ''; known: figment, figment-fused"]),
            (("evaluate", "--dataset", "a", "--split", "none"), ["'none'", "'leave-one-out'"]),
            (("check", "--dataset", ".", "--map", "events.user_id"), ["OURS=THEIRS"]),
            (("check", "--dataset", ".", "--map", "events.user_id=a", "--map", "events.user_id=b"), ["twice", "'a'"]),
            (("recommend", "--bundle", "a", "--events", "b", "--out", "c", "--k", "101"), ["--k", "\"101\"", "100"]),
            (("serve", "--port", "99999"), ["'--port': \"99999\" is more than the most allowed, 65535"]),
            (("dataset", "no-such"), ["no-such", "complete-journey"]),
            (("train", "--dataset", "a", "--out", "b", "--seed", "4294967296"), ["--seed", "4294967295"]),
            (("train", "--dataset", "a", "--out", FIGMENT / "b"), ["--out", "is not a folder"]),
            (("evaluate", "--dataset", "a", "--json", FIGMENT / "b/c.json"), ["--json", "is not a folder"]),
            (("recommend", "--bundle", "a", "--events", "b", "--out", FIGMENT / "c"), ["--out", "is not a folder"]),
            (("dataset", "complete-journey", "--out", FIGMENT / "c"), ["--out", "is not a folder"]),
            (("evaluate", "--dataset", "a", "--json", "."), ["--json .", "a folder, not a file"]),
            (("evaluate", "--dataset", "a", "--report", FIGMENT), ["--report", "is not a folder"]),
            (("evaluate", "--dataset", "a", "--report", FIGMENT / "b"), ["--report", "is not a folder"]),
            (("recommend", "--bundle", "a", "--events", "b", "--out", "."), ["--out .", "a folder, not a file"]),
            (("recommend", "--bundle", "a", "--events", "b.csv", "--out", "./b.csv"), ["--out", "replace the events"]),
            (("recommend", "--bundle", "a", "--events", "b", "--out", "c.xlsx"), ["'.xlsx'", ".parquet, .csv, .jsonl"]),
            (("recommend", "--bundle", "nowhere", "--events", "b", "--out", "c.csv"), ["at var/bundles/nowhere"]),
            (("evaluate", "--dataset", "a", "--bundle", "./nowhere"), ["no bundle at nowhere", "figment train"]),
        ],
    )  # fmt: skip
    def test_what_is_wrong_is_told_with_exit_code_2(self, arguments, words, tmp_path):
        (tmp_path / "a").mkdir()
        (tmp_path / "a/manifest.json").touch()
        finished = figment(*arguments, folder=tmp_path)
        told = " ".join((finished.stdout + finished.stderr).split())
        assert finished.returncode == 2
        assert all(word in told for word in words), told
        assert list(tmp_path.iterdir()) == [tmp_path / "a"]

    def test_run_as_a_module_it_has_the_same_name(self, tmp_path):
        arguments = (sys.executable, "-m", "app.cli", "train")
        finished = subprocess.run(arguments, env=environment({}), capture_output=True, text=True, check=False)
        assert "Usage: figment train" in finished.stderr

    def test_errors_of_the_machine_are_one_line(self, tiny_shop, tiny_bundle, tmp_path):
        (tmp_path / ".unfinished-lists.csv").mkdir()
        arguments = ("--bundle", tiny_bundle, "--events", tiny_shop / "events.parquet", "--out", "lists.csv")
        finished = figment("recommend", *arguments, folder=tmp_path)
        fails(finished, 1, [])
        assert (
            finished.stderr.splitlines()[-1] == "figment: expected a file path; '.unfinished-lists.csv' is a directory"
        )

    def test_misspelt_settings_are_named(self, tmp_path):
        fails(figment("serve", folder=tmp_path, prot=1), 2, ["FIGMENT_PROT", "FIGMENT_PORT"])


class TestCheck:
    def test_reports_what_is_usable(self, tiny_shop, tmp_path):
        finished = figment("check", "--dataset", tiny_shop, folder=tmp_path)
        assert finished.returncode == 0
        assert "40 items" in finished.stdout
        assert "120 users" in finished.stdout
        assert "  columns     title, category, brand, price\n" in finished.stdout

    def test_unusable_data_have_exit_code_2_and_no_traceback(self, tmp_path):
        (tmp_path / "events.csv").write_text("user_id,item_id\n1,2\n")
        fails(figment("check", "--dataset", tmp_path, folder=tmp_path), 2, ["timestamp", "catalogue"])

    def test_columns_are_mapped(self, tiny_shop, tmp_path):
        shop = shutil.copytree(tiny_shop, tmp_path / "shop")
        events = pl.read_parquet(shop / "events.parquet").rename({"user_id": "customer"})
        events.write_parquet(shop / "events.parquet")
        assert figment("check", "--dataset", shop, folder=tmp_path).returncode == 2
        mapped = figment("check", "--dataset", shop, "--map", "events.user_id=customer", folder=tmp_path)
        assert "120 users" in mapped.stdout


class TestDataset:
    def test_known_ones_are_listed(self, tmp_path):
        assert "online-retail" in figment("dataset", "list", folder=tmp_path).stdout

    def test_complete_journey_is_laid_down_where_asked(self, tmp_path):
        finished = figment("dataset", "complete-journey", "--out", "there", folder=tmp_path)
        assert finished.stdout == "there\n", finished.stderr
        assert json.loads((tmp_path / "there" / "dataset.json").read_text())["licence"] == "MIT"


class TestTrain:
    @pytest.fixture(autouse=True)
    def var(self, warm_cache, tmp_path):
        (tmp_path / "var").mkdir()
        (tmp_path / "var/cache").symlink_to(warm_cache)

    def test_ctrl_c_says_what_there_is_and_leaves_no_bundle(self, tiny_shop, tmp_path):
        process = start("train", "--dataset", tiny_shop, "--out", "var/bundles/b", folder=tmp_path)
        try:
            give_up = time.monotonic() + SECONDS
            while not (tmp_path / "var/logs").exists():
                assert process.poll() is None
                assert time.monotonic() < give_up
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=SECONDS)
        finally:
            process.kill()
            process.communicate()
        assert process.returncode == 1
        assert errors.strip().splitlines()[-1] == (
            "figment: stopped; no bundle was written, nor a checkpoint yet: the same command begins anew"
        )
        assert "Traceback" not in errors
        assert not (tmp_path / "var/bundles/b").exists()

    def test_an_existing_bundle_is_not_overwritten(self, tiny_shop, tiny_bundle, tmp_path):
        finished = figment("train", "--dataset", tiny_shop, "--out", tiny_bundle, folder=tmp_path)
        assert finished.returncode in (1, 2)
        assert "Traceback" not in finished.stderr
        assert tiny_bundle.name in finished.stderr

    @pytest.mark.long
    def test_writes_a_bundle_that_verifies(self, tiny_shop, tmp_path):
        arguments = ("train", "--dataset", tiny_shop, "--out", "var/bundles/b", "--profile", "quick", "--seed", 3)
        finished = figment(*arguments, folder=tmp_path)
        assert finished.returncode == 0, finished.stderr
        assert "var/bundles/b" in finished.stdout
        systems = [line.split()[0] for line in finished.stdout.splitlines()[2:-1]]
        assert {"figment", "item-knn", "popularity"} <= set(systems)
        assert figment("bundle", "verify", folder=tmp_path).returncode == 0

    @pytest.mark.long
    def test_data_left_out_are_told(self, damaged_shop, tmp_path):
        arguments = ("train", "--dataset", damaged_shop, "--out", "var/bundles/b", "--profile", "quick")
        finished = figment(*arguments, folder=tmp_path)
        assert finished.returncode == 0, finished.stderr
        assert "unknown item, such as 'no-such-item'" in finished.stderr


class TestEvaluate:
    def test_writes_the_figures_of_the_systems_asked_for(self, tiny_shop, tiny_bundle, tmp_path):
        arguments = ("--dataset", tiny_shop, "--bundle", tiny_bundle, "--systems", "figment,popularity")
        finished = figment("evaluate", *arguments, "--json", "out/figures.json", folder=tmp_path)
        assert finished.returncode == 0, finished.stderr
        figures = json.loads((tmp_path / "out/figures.json").read_text())
        assert set(figures["systems"]) == {"figment", "popularity"}
        assert figures["systems"]["figment"]["hr@10"] > figures["systems"]["popularity"]["hr@10"]
        assert "popularity" in finished.stdout

    def test_writes_a_page_and_says_where(self, tiny_shop, tmp_path):
        arguments = ("--dataset", tiny_shop, "--systems", "item-knn,popularity", "--report", "out/page")
        finished = figment("evaluate", *arguments, folder=tmp_path)
        assert finished.returncode == 0, finished.stderr
        assert finished.stdout.splitlines()[-1] == "out/page/index.html"
        page = (tmp_path / "out/page/index.html").read_text(encoding="utf-8")
        assert "Over the same 21 shoppers, item-knn minus popularity is +" in page
        assert "--systems item-knn,popularity --report out/page</code>" in page

    def test_data_left_out_are_told(self, damaged_shop, tmp_path):
        finished = figment("evaluate", "--dataset", damaged_shop, "--systems", "popularity", folder=tmp_path)
        assert finished.returncode == 0, finished.stderr
        assert "column item_id: unknown item, such as 'no-such-item', in 1 data row" in finished.stderr
        assert "Dropped: 1 event." in finished.stderr
        assert "unknown item" not in finished.stdout

    def test_nothing_is_told_where_nothing_was_left_out(self, tiny_shop, tmp_path):
        finished = figment("evaluate", "--dataset", tiny_shop, "--systems", "popularity", folder=tmp_path)
        assert "Usable" not in finished.stderr

    def test_help_names_every_system(self):
        assert set(re.findall(r"[a-z][a-z+-]*[a-z]", SYSTEMS_HELP)) >= {*SYSTEM_NAMES}

    def test_unknown_systems_are_named(self, tiny_shop, tmp_path):
        finished = figment("evaluate", "--dataset", tiny_shop, "--systems", "oracle", folder=tmp_path)
        fails(finished, 2, ["oracle", "item-knn"])


class TestRecommend:
    def test_writes_a_list_for_every_shopper(self, tiny_shop, tiny_bundle, tmp_path):
        arguments = ("--bundle", tiny_bundle, "--events", tiny_shop / "events.parquet", "--out", "lists.parquet")
        finished = figment("recommend", *arguments, "--k", 3, folder=tmp_path)
        assert finished.returncode == 0, finished.stderr
        serves = read_manifest(tiny_bundle).serves
        assert finished.stdout == f"120 lists by {serves}, seen items left out, in lists.parquet\n"
        lists = pl.read_parquet(tmp_path / "lists.parquet")
        assert lists.columns == ["user_id", "item_id", "rank", "score"]
        assert lists.group_by("user_id").len()["len"].unique().to_list() == [3]

    def test_another_system_makes_the_lists_where_the_operator_says_so(self, tiny_shop, tiny_bundle, tmp_path):
        arguments = ("recommend", "--bundle", tiny_bundle, "--events", tiny_shop / "events.parquet", "--k", 3, "--out")
        by_variable = figment(*arguments, "a.csv", folder=tmp_path, recommender="popularity")
        assert by_variable.stdout == "120 lists by popularity, seen items left out, in a.csv\n", by_variable.stderr
        by_option = figment(*arguments, "b.csv", "--recommender", "item-knn", folder=tmp_path, recommender="popularity")
        assert by_option.stdout == "120 lists by item-knn+content, seen items left out, in b.csv\n", by_option.stderr
        assert (tmp_path / "a.csv").read_text() != (tmp_path / "b.csv").read_text()
        fails(figment(*arguments, "c.csv", "--recommender", "ease", folder=tmp_path), 2, ["'ease'", "figment-fused"])

    def test_shoppers_without_a_known_item_are_counted(self, tiny_bundle, tmp_path):
        (tmp_path / "events.csv").write_text("who,item_id,timestamp\na,tea-1,0\nb,?,0\nc,?,0\n")
        arguments = ("--bundle", tiny_bundle, "--events", "events.csv", "--map", "events.user_id=who")
        finished = figment("recommend", *arguments, "--out", "lists.csv", folder=tmp_path)
        assert finished.returncode == 0, finished.stderr
        assert finished.stdout.splitlines() == [
            f"3 lists by {read_manifest(tiny_bundle).serves}, seen items left out, in lists.csv",
            "2 of popular items, for want of a known item in the shopper's history",
        ]

    def test_data_left_out_are_told(self, tiny_shop, tiny_bundle, tmp_path):
        events = pl.read_parquet(tiny_shop / "events.parquet")
        nobody = events.head(1).with_columns(user_id=pl.lit(" "))
        pl.concat([events, nobody]).write_parquet(tmp_path / "events.parquet")
        arguments = ("--bundle", tiny_bundle, "--events", "events.parquet", "--out", "lists.parquet")
        finished = figment("recommend", *arguments, folder=tmp_path)
        assert finished.returncode == 0, finished.stderr
        assert "column user_id: empty id in 1 data row" in finished.stderr
        assert "catalogue" not in finished.stderr


class TestImagining:
    @pytest.fixture
    def few(self, tiny_shop, tmp_path) -> Path:
        """One shopper fewer than concepts take."""
        events = pl.read_parquet(tiny_shop / "events.parquet")
        few = events["user_id"].unique().sort()[: MIN_SHOPPERS - 1]
        events.filter(pl.col("user_id").is_in(few.to_list())).write_csv(tmp_path / "few.csv")
        return tmp_path / "few.csv"

    def test_too_few_shoppers_are_told_with_the_minimum(self, few, tiny_bundle, tmp_path):
        finished = figment("concepts", "--bundle", tiny_bundle, "--events", few, "--json", "c.json", folder=tmp_path)
        fails(finished, 2, ["19 shoppers have an event on an item of the catalogue, the least is 20"])
        assert list(tmp_path.iterdir()) == [few]

    @pytest.mark.parametrize(
        ("asked", "words"),
        [
            ('{"field": "brand"', "--filter is not JSON: Expecting ',' delimiter"),
            ('{"field": "colour", "op": "eq", "value": 1}', "filter.field: 'colour' is no attribute of this catalogue"),
            ('{"field": "brand", "op": "eq", "value": "no"}', "segment.filter: is true of no item of the catalogue"),
        ],
    )
    @pytest.mark.parametrize("verb", [("concepts",), ("synthesize", "items")], ids=" ".join)
    def test_filters_that_find_nothing_are_told(self, verb, asked, words, tiny_shop, tiny_bundle, tmp_path):
        events = ("--events", tiny_shop / "events.parquet")
        of_verb = events if verb == ("concepts",) else ("--num", 3, "--out", tmp_path / "made.csv")
        finished = figment(*verb, "--bundle", tiny_bundle, *of_verb, "--filter", asked, folder=tmp_path)
        fails(finished, 2, [words])
        assert not any(tmp_path.iterdir())

    @pytest.mark.parametrize("asked", ['{"field": "brand", "op": "eq", "value": "tea house"}', ""])
    def test_two_segments_are_one_too_many(self, asked, few, tiny_bundle, tmp_path):
        segment = ("--filter", asked, "--events", few)
        made = ("synthesize", "sessions", "--bundle", tiny_bundle, "--num", 3, "--out", "made.csv")
        fails(figment(*made, *segment, folder=tmp_path), 2, ["--filter and --events", "give one"])
        assert list(tmp_path.iterdir()) == [few]

    def test_shoppers_of_unknown_items_only_are_told(self, few, tiny_bundle, tmp_path):
        pl.read_csv(few).with_columns(item_id=pl.lit("no-such-item")).write_csv(few)
        made = ("synthesize", "sessions", "--bundle", tiny_bundle, "--num", 3, "--out", "made.csv", "--events", few)
        fails(figment(*made, folder=tmp_path), 2, ["0 of the segment's histories", "the least is 1"])
        assert list(tmp_path.iterdir()) == [few]


class TestFraudFit:
    def test_other_data_than_the_bundle_s_are_told(self, tiny_bundle, warm_cache, tmp_path):
        write_tiny_shop(tmp_path / "other", seed=1)
        (tmp_path / "var").mkdir()
        (tmp_path / "var/cache").symlink_to(warm_cache)
        finished = figment(
            "fraud", "fit", "--dataset", "other", "--bundle", tiny_bundle, "--out", "var/bundles/new", folder=tmp_path
        )
        fails(finished, 2, [f"bundle {tiny_bundle} was trained on 'tiny shop' with digest", "other has"])
        assert not (tmp_path / "var/bundles").exists()


class TestServe:
    def test_serves_until_ctrl_c(self, tiny_bundle, tmp_path):
        port = free_port()
        process = start("serve", "--bundle", tiny_bundle, "--port", port, folder=tmp_path)
        try:
            give_up = time.monotonic() + SECONDS
            while not is_ready(port):
                assert process.poll() is None
                assert time.monotonic() < give_up
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            _, log = process.communicate(timeout=SECONDS)
        finally:
            process.kill()
            process.communicate()
        assert process.returncode == 0, log
        assert f"http://127.0.0.1:{port}/docs" in log
        assert f"http://127.0.0.1:{port}/health/ready" in log

    def test_nothing_to_serve_is_told(self, tmp_path):
        fails(
            figment("serve", "--port", free_port(), folder=tmp_path), 2, ["no bundle at var/bundles", "figment train"]
        )


class TestBundle:
    @pytest.fixture
    def two(self, tiny_bundle, tmp_path):
        """A folder with bundles/a and, newer or as new, bundles/b."""
        for name in ("a", "b"):
            shutil.copytree(tiny_bundle, tmp_path / "var/bundles" / name, copy_function=os.link)
        return tmp_path

    def serving(self, folder):
        lines = figment("bundle", "list", folder=folder).stdout.splitlines()
        assert len(lines) == 2
        return next(line.split()[1] for line in lines if line.startswith("*"))

    def test_promotion_outweighs_age_and_can_be_undone(self, two):
        newest = self.serving(two)
        other = "a" if newest == "b" else "b"
        assert figment("bundle", "promote", newest, folder=two).returncode == 0
        assert f"goes back to {newest}" in figment("bundle", "promote", other, folder=two).stdout
        assert self.serving(two) == other
        assert newest in figment("bundle", "rollback", folder=two).stdout
        assert self.serving(two) == newest
        assert figment("bundle", "promote", f"var/bundles/{other}", folder=two).returncode == 0
        assert self.serving(two) == other
        assert figment("bundle", "rollback", folder=two).returncode == 0
        assert self.serving(two) == newest

    def test_damage_is_named(self, tiny_bundle, tmp_path):
        copied = shutil.copytree(tiny_bundle, tmp_path / "b")
        with (copied / "popularity.npy").open("r+b") as file:
            file.seek(-1, os.SEEK_END)
            last = file.read(1)
            file.seek(-1, os.SEEK_END)
            file.write(bytes([last[0] ^ 1]))
        fails(figment("bundle", "verify", "b", folder=tmp_path), 1, ["popularity.npy"])

    def test_whole_bundle_is_verified_with_its_golden_requests(self, tiny_bundle, tmp_path):
        finished = figment("bundle", "verify", tiny_bundle, folder=tmp_path)
        assert finished.returncode == 0, finished.stderr
        assert "golden requests" in finished.stdout

    def test_a_name_is_verified_in_the_folder_of_bundles(self, two):
        finished = figment("bundle", "verify", "a", folder=two)
        assert finished.returncode == 0, finished.stderr
        assert finished.stdout.startswith("var/bundles/a: ")
        fails(figment("bundle", "verify", "nowhere", folder=two), 2, ["no bundle at var/bundles/nowhere"])

    def test_an_empty_folder_lists_nothing(self, tmp_path):
        finished = figment("bundle", "list", folder=tmp_path)
        assert (finished.returncode, finished.stdout) == (0, "")
        assert "`figment train --dataset DIR --out var/bundles/NAME`" in finished.stderr
        assert not (tmp_path / "var").exists()

    def test_list_tells_bundles_apart(self, tmp_path):
        root = tmp_path / "var/bundles"
        measured = {"num_test_users": 89, "training": {"profile": "quick"}}
        seal_tiny_bundle(root / "shop", **measured)
        hidden = {"split": {"kind": "cold-items", "seed": 0}, "scoreboard": {}, "serves": "popularity"}
        seal_tiny_bundle(root / "trial", **hidden)
        told = {line[2:].split()[0]: line for line in figment("bundle", "list", folder=tmp_path).stdout.splitlines()}
        assert "  tiny shop · quick · temporal  serves figment, NDCG@10 0.2500 (89 shoppers)" in told["shop"]
        assert "  tiny shop · cold-items  serves popularity  for a benchmark: items were hidden" in told["trial"]

    def test_list_tells_what_services_were_told_to_serve(self, two):
        newest = self.serving(two)
        other = "a" if newest == "b" else "b"
        activate(two / "var/figment.db", other)
        assert self.serving(two) == other
        assert "  activated" in figment("bundle", "list", folder=two).stdout
        assert figment("bundle", "promote", newest, folder=two).returncode == 0
        starred, running = sorted(figment("bundle", "list", folder=two).stdout.splitlines(), reverse=True)
        assert starred.startswith(f"* {newest} ")
        assert starred.endswith("  promoted")
        assert "went over to it" in running
        named = figment("bundle", "list", folder=two, bundle=other).stdout
        assert f"* {other} " in named
        assert "named by FIGMENT_BUNDLE" in named

    def test_verbs_take_a_name_as_well_as_a_path(self, two, tiny_shop):
        arguments = ("--bundle", "a", "--events", tiny_shop / "events.parquet", "--out", "lists.csv")
        assert figment("recommend", *arguments, folder=two).returncode == 0
        (two / "var/bundles/a").rename(two / "here")
        assert figment("recommend", "--bundle", "./here", *arguments[2:], folder=two).returncode == 0
        fails(figment("recommend", *arguments, folder=two), 2, ["no bundle at var/bundles/a"])

    def test_a_rollback_with_nothing_before_says_what_to_do(self, two):
        fails(figment("bundle", "rollback", folder=two), 2, ["none has been so far", "figment bundle promote BUNDLE"])
        assert figment("bundle", "promote", "a", folder=two).returncode == 0
        refused = figment("bundle", "rollback", folder=two)
        fails(refused, 2, ["a is the only one so far"])
        assert {"a", "b"} == set(refused.stderr.rpartition("among ")[2].strip().split(", "))


def activate(database: Path, version: str) -> None:
    """As a service does it that is asked to."""

    async def run() -> None:
        store = await Store.open(f"sqlite+aiosqlite:///{database}")
        await store.active_model.activate(version)
        await store.close()

    asyncio.run(run())


def is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health/ready").status_code == 200
    except httpx.TransportError:
        return False
