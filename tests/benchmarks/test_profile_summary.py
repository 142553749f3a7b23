"""What is made of py-spy's samples."""

import runpy
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
RAW = """\
thread (7): work_0;run (threading.py);outer (app/a.py);add (numpy/core.py);inner (models/b.py);dot (numpy/core.py) 6
thread (7): work_0;run (threading.py);outer (app/a.py) 3
thread (7): work_0;run (threading.py) 1
thread (8): work_0;run (threading.py);outer (app/a.py) 2
thread (9): MainThread;main (app/main.py) 4
"""


@pytest.fixture
def summary(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    return runpy.run_path(str(BENCHMARKS / "profile_summary.py"))


class TestByThread:
    def test_threads_of_one_name_are_one_and_only_functions_of_ours_stay(self, summary):
        found = summary["by_thread"](RAW.splitlines())
        assert {name: threads for name, (threads, _) in found.items()} == {"work_0": {7, 8}, "MainThread": {9}}
        assert found["work_0"][1] == {("outer (app/a.py)", "inner (models/b.py)"): 6, ("outer (app/a.py)",): 5, (): 1}


class TestShares:
    def test_a_function_has_what_it_called_too(self, summary):
        _, stacks = summary["by_thread"](RAW.splitlines())["work_0"]
        assert summary["shares_of"](stacks) == {"outer (app/a.py)": 0.917, "inner (models/b.py)": 0.5}

    def test_a_function_that_calls_itself_counts_once(self, summary):
        assert summary["shares_of"](summary["Stacks"]({("a", "b", "a"): 5})) == {"a": 1.0, "b": 1.0}


class TestGraphs:
    def test_branches_stand_below_what_called_them(self, summary):
        _, stacks = summary["by_thread"](RAW.splitlines())["work_0"]
        (graph,) = summary["graphs_of"]({"work_0": (1234, stacks)})
        assert graph.splitlines() == [
            "work_0, 1,234 µs a request, 12 samples, branches of 2% and more",
            "  91.7%  41.7%  outer (app/a.py)",
            "  50.0%  50.0%    inner (models/b.py)",
        ]
