"""What makes a long run fail."""

import runpy
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SLICES = 90  # of half an hour


@pytest.fixture
def soak(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    return runpy.run_path(str(BENCHMARKS / "soak.py"))


def leaking(share):
    return [250 * (1 + share * number / (SLICES - 1)) for number in range(SLICES)]


def told(**other):
    return {
        "errors": 0, "items written": 30, "index swaps": 30, "flat within": 0.05,
        "growth from the first settled tenth to the last": 0.0,
    } | {name.replace("_", " "): value for name, value in other.items()}  # fmt: skip


class TestGrowth:
    def test_sees_most_of_a_steady_leak(self, soak):
        assert soak["growth"](leaking(0.08)) > 0.05

    def test_does_not_count_what_caches_take_at_first(self, soak):
        assert soak["growth"]([100.0] * 18 + [250.0] * 72) == 0

    def test_a_short_run_compares_its_ends(self, soak):
        assert soak["growth"]([100.0, 110.0]) == pytest.approx(0.1)


class TestFailures:
    def test_none(self, soak):
        assert soak["failures"](told()) == []
        assert soak["failures"](told(index_swaps=28)) == []

    @pytest.mark.parametrize("told_of", [(30, 0), (30, 27), (2, 0), (0, 0)])
    def test_an_index_that_is_not_swapped(self, soak, told_of):
        written, swaps = told_of
        assert soak["failures"](told(items_written=written, index_swaps=swaps)) == ["the index was not swapped"]

    def test_errors_and_memory(self, soak):
        grown = {"growth from the first settled tenth to the last": 0.06}
        assert soak["failures"](told(errors=1) | grown) == ["errors", "memory grows"]


class TestSwaps:
    def test_an_index_that_stays_is_no_swap(self, soak, monkeypatch):
        """The first version that was seen used to count as a new one."""
        swaps = soak["Swaps"](None, 60.0)
        lines = 'figment_index_swaps_total{result="refused"} 4.0\nfigment_index_swaps_total{result="swapped"} %s\n'

        def metrics_with(number):
            answer = soak["httpx"].Response(200, text="" if number is None else lines % number)
            return lambda *_: answer

        for number, made in ((None, 0), (0.0, 0), (3.0, 3)):
            monkeypatch.setattr(swaps, "_ask", metrics_with(number))
            assert swaps.made() == made
