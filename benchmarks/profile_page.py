"""Writes where the time goes into docs/performance.md, from the records: `python benchmarks/profile_page.py`."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

RESULTS: Final = Path(__file__).parent / "results"
PAGE: Final = Path(__file__).parents[1] / "docs" / "performance.md"
BEGIN: Final = "<!-- benchmarks/profile_page.py writes from here -->\n\n"
END: Final = "\n<!-- to here -->"
RECORDS: Final = ("profile_before_sharing", "profile")
PROFILES: Final = ("fast", "balanced")
NOTHING: Final = "–"
THREADS: Final[Mapping[str, tuple[str, Mapping[str, tuple[str, ...]]]]] = {
    "work_0": (
        "the thread that computes",
        {
            "generator": ("CandidateSource.generate",),
            "neighbours' scores": ("Neighbours.scores",),
            "index": ("FaissIndex.search",),
            "candidates' features looked up and scored": ("CandidateSource.scored",),
            "histories laid out": ("encode_histories",),
            "evidence for the judge, the critic's part in it": ("make_shortlist",),
            "the judge's network": ("judge_first",),
            "items of the answer and their properties": ("Recommender._answer", "_make", "_shown"),
        },
    ),
    "MainThread": (
        "the event loop",
        {
            "body read and checked": ("read_json",),
            "question and answer put together": ("answer_list",),
            "answer sent": ("RequestContext.__call__.<locals>.send_echoing",),
            "what is kept of lists written": ("GroupCommit.write.<locals>.once", "GroupCommit._lead"),
        },
    ),
    "Thread-1 (_connection_worker_thread)": ("the database's thread", {}),
}
"""Threads by what py-spy calls them, and in each the functions that do a piece of the work."""


def with_figures(page: str) -> str:
    """The page with the table of today's records between its marks."""
    before, rest = page.split(BEGIN)
    return before + BEGIN + "\n".join(table()) + "\n" + END + rest.split(END, 1)[1]


def table() -> Iterator[str]:
    """CPU µs a request, of the code before and of today's."""
    records = [json.loads((RESULTS / f"{name}.json").read_text()) for name in RECORDS]
    columns = [record["profiles"][profile]["threads"] for profile in PROFILES for record in records]
    yield "| CPU µs a request | `fast`, before | `fast` | `balanced`, before | `balanced` |"
    yield "|---|---|---|---|---|"
    for name, (called, pieces) in THREADS.items():
        yield _line(f"**{called}**", [each[name]["CPU µs a request"] for each in columns])
        for piece, functions in pieces.items():
            yield _line(piece, [_micros(each[name], functions) for each in columns])


def _micros(thread: Mapping[str, Any], functions: tuple[str, ...]) -> int:
    """By samples; nothing where it is narrower than what the record keeps."""
    shares = [share for function, share in thread["shares"].items() if function.partition(" (")[0] in functions]
    return round(sum(shares) * thread["CPU µs a request"])


def _line(what: str, micros: list[int]) -> str:
    return f"| {what} | " + " | ".join(f"{each:,}" if each else NOTHING for each in micros) + " |"


if __name__ == "__main__":
    PAGE.write_text(with_figures(PAGE.read_text()))
