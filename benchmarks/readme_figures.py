"""Writes the README's table of figures from the records in `results`: `python benchmarks/readme_figures.py`."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import mean
from typing import Any, Final

RESULTS: Final = Path(__file__).parent / "results"
README: Final = Path(__file__).parents[1] / "README.md"
BEGIN: Final = "<!-- benchmarks/readme_figures.py writes from here -->\n\n"
END: Final = "\n<!-- to here -->"
COLUMNS: Final = {
    "Amazon Beauty, leave-one-out": "amazon_beauty",
    "Amazon Sports, leave-one-out": "amazon_sports",
    "UCI Online Retail, temporal": "online_retail",
    "The Complete Journey, temporal": "complete_journey",
}
SYSTEMS: Final = {
    "figment": "`figment`, ordered by the judge, as served",
    "figment-fused": "`figment-fused`, generator, neighbours and what was taken before",
    "figment-generator": "`figment-generator`, through the index alone",
    "item-knn+content": "`item-knn+content`, tuned, no network",
    "sasrec": "`sasrec`, with the generator's teacher",
    "sasrec+item-knn": "`sasrec+item-knn`, SASRec in the generator's place",
    "item-knn": "`item-knn`, the usual",
    "ease": "`ease`, tuned",
    "buy-again": "`buy-again`, tuned",
    "popularity": "`popularity`",
}
GOALS: Final = {
    "amazon_beauty": {
        "figment": (0.133, 0.0810),
        "figment-fused": (0.123, 0.0735),
        "figment-generator": (0.119, 0.0700),
    },
    "amazon_sports": {
        "figment": (0.084, 0.0490),
        "figment-fused": (0.0755, 0.0440),
        "figment-generator": (0.072, 0.0415),
    },
}
"""HR@10 and NDCG@10, fixed before anything was measured."""
MARK_OF_SEEDS: Final = {1: "*", 2: "†", 3: ""}
SEEDS_TOLD: Final = "Means over 3 seeds; † two seeds, * one seed."
STRONGEST: Final = "sasrec+item-knn"
HABIT: Final = "buy-again"
FIRST_TIME: Final = "first_time"
"""In a record of a set where many take the same again: lists without what was had, for what is taken for the first
time.
"""


def with_figures(readme: str) -> str:
    """The README with the table of today's records between its marks."""
    before, rest = readme.split(BEGIN)
    return before + BEGIN + figures_table() + END + rest.split(END)[1]


def figures_table() -> str:
    """Means over seeds, with a mark where they are fewer than three; a dash where a system was not measured."""
    columns = {title: column for title, name in COLUMNS.items() if (column := _column(name))}
    lines = [
        "| HR@10 / NDCG@10, every item ranked for every held-out shopper | " + " | ".join(columns) + " |",
        "|---" * (len(columns) + 1) + "|",
    ]
    for system, label in SYSTEMS.items():
        lines.append(f"| {label} | " + " | ".join(figures.get(system, "–") for figures in columns.values()) + " |")
    lifts = (_lift(COLUMNS[title]) for title in columns)
    lines.append("| what the judge adds to the fused list's NDCG@10 | " + " | ".join(lifts) + " |")
    tables = (lines, [SEEDS_TOLD], _goals_table(), _first_time_table(), _habit_table(), _beside_table())
    return "\n".join(line for table in tables for line in (*table, ""))


def _lift(name: str) -> str:
    """Of the served list over the fused one, of means over seeds."""
    runs = [run["figures"]["systems"] for run in _accuracy(name)["runs"]]
    served, fused = (mean(run[system]["ndcg@10"] for run in runs) for system in ("figment", "figment-fused"))
    return f"{served / fused - 1:+.1%}" + _mark(len(runs))


def _goals_table() -> list[str]:
    """What was aimed at, and in how many seeds it was reached; a mean over seeds may hide one that misses."""
    runs = {name: _accuracy(name)["runs"] for name in GOALS}
    titles = [title.split(",")[0] for title, name in COLUMNS.items() if name in GOALS]
    lines = [
        "| HR@10 / NDCG@10 aimed at, fixed beforehand | " + " | ".join(titles) + " |",
        "|---" * (len(GOALS) + 1) + "|",
    ]
    for system in next(iter(GOALS.values())):
        cells = []
        for name, goals in GOALS.items():
            rows = [run["figures"]["systems"][system] for run in runs[name]]
            reached = sum(row["hr@10"] >= goals[system][0] and row["ndcg@10"] >= goals[system][1] for row in rows)
            cells.append(f"{_pair(goals[system])}: in {reached} of {len(rows)} seeds")
        lines.append(f"| `{system}` | " + " | ".join(cells) + " |")
    return lines


def _first_time_table() -> list[str]:
    """The systems' figures on first purchases alone, for the sets where others are many."""
    columns = {title.split(",")[0]: figures for title, name in COLUMNS.items() if (figures := _first_time(name))}
    lines = [
        "| HR@10 / NDCG@10 of first purchases, seen items left out | " + " | ".join(columns) + " |",
        "|---" * (len(columns) + 1) + "|",
    ]
    for system, label in SYSTEMS.items():
        cells = [figures.get(system, "–") for figures in columns.values()]
        if any(cell != "–" for cell in cells):
            lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return lines


def _habit_table() -> list[str]:
    """By how much what is served is ahead of what shoppers had already, where many take the same again."""
    measured = {
        title.split(",")[0]: systems
        for title, name in COLUMNS.items()
        if HABIT in (systems := [run["figures"]["systems"] for run in _accuracy(name)["runs"]])[0]
    }
    lines = [
        f"| `figment` ahead of `{HABIT}` by, NDCG@10 over the same shoppers, each seed (95 %) | "
        + " | ".join(measured)
        + " |",
        "|---" * (len(measured) + 1) + "|",
    ]
    for label, segment in (("all that is taken next", None), ("what is taken for the first time", FIRST_TIME)):
        cells = ("; ".join(_ahead(seed, HABIT, segment) for seed in systems) for systems in measured.values())
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return lines


def _beside_table() -> list[str]:
    """The strongest rival and what is served, over the same shoppers, seed by seed."""
    lines = [
        f"| NDCG@10 over the same shoppers | `figment` | `{STRONGEST}` | `figment` ahead by, each seed (95 %) |",
        "|---|---|---|---|",
    ]
    for title, name in COLUMNS.items():
        path = RESULTS / f"rivals_{name}.json"
        runs = json.loads(path.read_text())["runs"] if path.exists() else []
        systems = [run["figures"]["systems"] for run in runs if "figment" in run["figures"]["systems"]]
        if systems:
            means = (mean(each[of]["ndcg@10"] for each in systems) for of in ("figment", STRONGEST))
            told = " | ".join(f"{value:.4f}".lstrip("0") + _mark(len(systems)) for value in means)
            lines.append(f"| {title} | {told} | {'; '.join(_ahead(each, STRONGEST) for each in systems)} |")
    return lines


def _ahead(systems: dict[str, Any], rival: str, segment: str | None = None) -> str:
    """By how much what is served finds more than a rival; one of the two is the best of the run."""
    of_served, of_rival = (
        (systems[of][segment] if segment else systems[of])["ndcg@10_minus_best"] for of in ("figment", rival)
    )
    if of_served["mean"]:
        told = [of_served["mean"], *of_served["interval"]]
    else:
        told = [-each for each in (of_rival["mean"], *reversed(of_rival["interval"]))]
    ahead, low, high = (f"{value:.4f}".replace("0.", ".", 1).replace("-", "−") for value in told)
    return f"{ahead} [{low}, {high}]"


def _first_time(name: str) -> dict[str, str]:
    """System → its figures on first purchases, means over seeds."""
    told = {}
    for record in _records(name):
        measured = [run[FIRST_TIME]["systems"] for run in record["runs"] if FIRST_TIME in run]
        for system in measured[0] if measured else ():
            rows = [systems[system] for systems in measured]
            means = (mean(row[metric] for row in rows) for metric in ("hr@10", "ndcg@10"))
            told[system] = _pair(means) + _mark(len(rows))
    return told


def _pair(values: Iterable[float]) -> str:
    return " / ".join(f"{value:.4f}".lstrip("0") for value in values)


def _column(name: str) -> dict[str, str]:
    """System → its figures. Empty without a record."""
    told = {}
    for measured in _records(name):
        mark = _mark(len(measured["runs"]))
        runs = [run["figures"]["systems"] for run in measured["runs"]]
        for system in runs[0]:
            told[system] = _pair(mean(run[system][metric] for run in runs) for metric in ("hr@10", "ndcg@10")) + mark
    return told


def _mark(num_seeds: int) -> str:
    """What marks a figure of fewer seeds."""
    return MARK_OF_SEEDS[num_seeds]


def _accuracy(name: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((RESULTS / f"accuracy_{name}.json").read_text())
    return record


def _records(name: str) -> Iterator[dict[str, Any]]:
    """What there is of a dataset; where two tell of the same system, the last one counts."""
    for record in (f"rivals_{name}.json", f"rivals_ease_{name}.json", f"accuracy_{name}.json"):
        if (path := RESULTS / record).exists():
            yield json.loads(path.read_text())


if __name__ == "__main__":
    README.write_text(with_figures(README.read_text()))
