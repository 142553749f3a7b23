"""The benchmark of indexes times what serving does under a filter, both ways."""

import runpy
from pathlib import Path

import pytest

from models.recommend.mask import Mask
from tests.models.recommend.scripted_shop import scripted_ranker

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
NUM_ITEMS = 2_000


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return runpy.run_path(str(BENCHMARKS / "index.py"))


class TestFiltered:
    def test_finds_the_rows_that_are_left_for_every_query_anew(self, benchmark, monkeypatch):
        found, rows = [], Mask.rows
        monkeypatch.setattr(Mask, "rows", lambda mask: found.append(mask.count) or rows(mask))
        told = benchmark["filtered"](scripted_ranker(NUM_ITEMS).source, 0.1)
        assert found == [told["items"]] * 2 * benchmark["FILTERED_QUERIES"]  # once for recall, once timed
        assert told["recall in the index"] == 1.0
