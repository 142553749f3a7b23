"""docs/performance.md tells what the records tell."""

import json

from tests.docs.documents import REPOSITORY

PAGE = (REPOSITORY / "docs/performance.md").read_text()
RESULTS = REPOSITORY / "benchmarks/results"


def rows(heading: str) -> list[list[str]]:
    """Cells of the table under this first line."""
    table = PAGE[PAGE.index(heading) :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip(" *") for cell in line.strip("|").split("|")] for line in table]


class TestHeaps:
    def test_memory_and_time_of_each_way(self):
        record = json.loads((RESULTS / "heaps.json").read_text())["heaps"].values()
        told = rows("| | at the first answer | after all loads | 20 s later |")
        assert [row[1:4] for row in told] == [
            [f"{value:.0f} MiB" for name, value in each.items() if name.startswith("anonymous")] for each in record
        ]
        assert [row[4] for row in told] == [
            " · ".join(f"{each['CPU µs a request'][load]:,}" for load in
                       ("fast", "balanced", "balanced, 50 events", "balanced, rules"))
            for each in record
        ]  # fmt: skip
