"""What a record says of how it was asked for."""

import runpy
import shlex
import sys
from pathlib import Path

import pytest

RECORD = Path(__file__).parents[2] / "benchmarks" / "record.py"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--dataset", "/a/machine/shop", "--seeds", "1", "2"], ["--dataset", "shop", "--seeds", "1", "2"]),
        (["--dataset=/a/machine/shop"], ["--dataset=shop"]),
        (["--folder", "var/cold", "--json", "../results.json"], ["--folder", "var/cold", "--json", "../results.json"]),
        (["--words", "green tea"], ["--words", "green tea"]),
    ],
)
def test_names_all_options_and_no_place_on_the_machine(monkeypatch, given, told):
    monkeypatch.setattr(sys, "argv", ["/a/machine/benchmarks/cold_items.py", *given])
    command = runpy.run_path(str(RECORD))["as_asked"]()
    assert shlex.split(command) == ["python", "benchmarks/cold_items.py", *told]
