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


class TestLoneRequest:
    RECORD = json.loads((RESULTS / "lone_request.json").read_text())
    FAST = RECORD["profiles"]["fast"]["processor, median"]
    BALANCED = RECORD["profiles"]["balanced"]["processor, median"]

    def test_goal(self):
        (told,) = (row[2] for row in rows("| goal | wanted |") if row[0].startswith("a lone request through shared"))
        fast, balanced = (f"{each['sharing, times a thread']:.2f}" for each in (self.FAST, self.BALANCED))
        assert told.startswith(f"{fast} `fast`, {balanced} `balanced` of an unshared one's")
        fast, balanced = (f"{each['sharing, times the recommender']:.2f}" for each in (self.FAST, self.BALANCED))
        assert f"{fast} and {balanced}: missed" in told

    def test_times(self):
        words = " ".join(PAGE.split())
        fast, balanced = (
            [f"{value / 1000:.2f}" for name, value in each.items() if name.endswith("µs")]
            for each in (self.FAST, self.BALANCED)
        )
        assert f"{fast[0]} ms (`fast`) and {balanced[0]} ms (`balanced`) of the recommender itself" in words
        assert f"{fast[1]} and {balanced[1]} ms on a thread of its own" in words
        assert f"{fast[2]} and {balanced[2]} ms through shared calls" in words
        assert f"{self.RECORD['requests']} of Online" in words


class TestTextEncoder:
    RECORD = json.loads((RESULTS / "memory_texts.json").read_text())

    def test_alone(self):
        rss, own = self.RECORD["text encoder"].values()
        assert f"By itself it takes {rss:.0f} MiB, {own:.0f} of them the process's own" in PAGE

    def test_of_a_service(self):
        assert rows("| items | by the first search |") == [
            [
                items.removesuffix(" items"),
                *(
                    f"{each[f'anonymous {by}, MiB']:.0f} MiB ({each[f'RSS {by}, MiB']:.0f})"
                    for by in ("by a search", "by a write after that")
                ),
            ]
            for items, each in self.RECORD["sizes"].items()
        ]
