"""The benchmarks of serving, on a tiny bundle and for moments: that they measure, not how fast anything is."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SECONDS = 240  # how long a busy machine may take
NUM_ITEMS = 120

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed (apt install wrk)"),
]


def run(script, *arguments):
    return subprocess.run(
        [sys.executable, REPOSITORY / "benchmarks" / script, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("bench-serving")


@pytest.fixture(scope="module")
def common(folder, tiny_bundle, tiny_shop):
    return ("--bundle", tiny_bundle, "--dataset", tiny_shop, "--items", NUM_ITEMS, "--folder", folder)


def test_measures_the_service_beside_an_echo(folder, common):
    told = folder / "serving.json"
    finished = run(
        "serving.py", *common, "--seconds", 1, "--warm-up", 0, "--concurrency", 4, "--json", told,
        "--systems", "framework echo", "figment", "--asked", "fast", "balanced, rules",
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    result = json.loads(told.read_text())
    measured = {name: loads["4"] for name, loads in result["systems"].items() if "4" in loads}
    assert measured.keys() == {"framework echo", "figment, fast", "figment, balanced, rules"}
    assert all(each["requests"] > 0 for each in measured.values())
    assert all(each["errors"] == 0 for each in measured.values())
    assert all(0 < each["p50"] <= each["p99"] for each in measured.values())
    assert all(each["cpu_per_request"] > 0 for each in measured.values())
    assert measured["framework echo"]["requests_per_second"] > measured["figment, fast"]["requests_per_second"]
    assert "errors of all loads" in {goal["goal"] for goal in result["goals"]}
    assert result["overload"]["lists/s"] > 0
    assert result["overload"]["refused/s"] > 0
    assert result["overload"]["errors"] == 0
    assert "framework echo" in finished.stdout


def test_soaks_for_a_minute_while_the_index_is_swapped(folder, common):
    told = folder / "soak.json"
    finished = run(
        "soak.py", *common, "--minutes", 1, "--swap-seconds", 3, "--slice-seconds", 3, "--capacity-seconds", 3,
        "--settling", 0.75, "--json", told,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    result = json.loads(told.read_text())
    assert result["errors"] == 0
    assert result["requests"] > 0
    assert result["items written"] >= 2
    assert result["items written"] - 2 <= result["index swaps"] <= result["items written"]
    assert result["index swaps"] >= 1
    assert 0 < result["load, requests/s"] < result["capacity, requests/s"]


def test_memory_by_size_of_catalogue(folder, tiny_bundle, tiny_shop):
    told = folder / "memory.json"
    finished = run(
        "memory.py", "--bundle", tiny_bundle, "--dataset", tiny_shop, "--folder", folder, "--seconds", 1,
        "--items", 120, 240, 480, "--json", told,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    result = json.loads(told.read_text())
    assert result["sizes"].keys() == {"120 items", "240 items", "480 items"}
    for each in result["sizes"].values():
        assert (each["errors"], each["requests"] > 0) == (0, True)
        assert 0 < each["anonymous at work, MiB"] < each["RSS at work, MiB"]
    assert result["anonymous at work"]["MiB of 480 items measured"] > 0


def test_memory_of_the_text_encoder(folder, common):
    told = folder / "memory_texts.json"
    finished = run("memory.py", "--texts-alone", *common, "--json", told)
    assert finished.returncode == 0, finished.stderr
    result = json.loads(told.read_text())
    assert result["text encoder"]["anonymous by the encoder alone, MiB"] > 50  # its weights alone take more
    assert result["sizes"]["120 items"]["anonymous by a search, MiB"] > 50
