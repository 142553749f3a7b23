"""A report as a plain-text table."""

from collections.abc import Mapping
from typing import Final

from models.bundle.manifest import Manifest
from models.domain.counted import counted
from models.evaluation.evaluate import EvaluationReport
from models.evaluation.protocol import HEADLINES
from models.recommend.standing import MIN_USERS, Standing, told_choice

COLUMNS: Final = (
    *("hr@10", "ndcg@10", "mrr@10", "coverage@10", "gini@10", "ild@10", "novelty@10", "miscalibration@10"),
    "seconds",
)
BEST: Final = "*"
SERVES: Final = "<"

LEGEND: Final = f"{BEST} the highest HR@10 and NDCG@10"


def render_table(report: EvaluationReport) -> str:
    """One line a system; 95 % intervals in brackets, the best HR and NDCG starred; then what that means."""
    enough = report.num_users >= MIN_USERS
    intervals = {name: score.intervals for name, score in report.scores.items()} if enough else {}
    seen = "seen items left out" if report.seen_filtered else "seen items kept"
    asked = " · taken for the first time" if report.first_time else ""
    title = f"{report.dataset} · {report.split} · {counted(report.num_users, 'shopper')} · {seen}{asked}"
    scoreboard = {name: score.metrics for name, score in report.scores.items()}
    told = "[low, high]: 95 % interval" if enough else f"fewer than {MIN_USERS} shoppers are too few for intervals"
    legend = [f"{LEGEND}; {told}"]
    if report.standing:
        legend += _serving(report.standing, report.choice)
    return "\n".join([title, *_rows(scoreboard, intervals, report.serves), *legend, *_segments(report)])


def _segments(report: EvaluationReport) -> list[str]:
    """NDCG@10 and HR@10 of kinds of shoppers and targets, where there is more than one kind."""
    sizes = {name: int(each["num_users"]) for name, each in next(iter(report.scores.values())).segments.items()}
    if len(sizes) < 2:
        return []
    lines = [
        ["NDCG@10 / HR@10", *(f"{name.replace('_', ' ')} ({counted(size, 'shopper')})" for name, size in sizes.items())]
    ]
    for system, score in report.scores.items():
        figures = (score.segments[name] for name in sizes)
        lines.append([system, *(f"{each['ndcg@10']:.4f} / {each['hr@10']:.4f}" for each in figures)])
    return ["", *_aligned(lines)]


def render_scoreboard(manifest: Manifest) -> str:
    """What was measured for the bundle: one line a system, the best HR and NDCG starred; which serves, and why."""
    known = {
        name: {metric: value for metric, value in row.items() if value is not None}
        for name, row in manifest.scoreboard.items()
    }
    serving = _serving(Standing.of(manifest, manifest.serves), told_choice(manifest))
    return "\n".join([*_rows(known, {}, manifest.serves), LEGEND, *serving])


def _serving(standing: Standing, choice: str) -> list[str]:
    """What the bundle serves, why, and how it stands."""
    told = standing.told()
    if told is None:
        return [f"the bundle serves {standing.serves}, which was not measured here"]
    return [f"{SERVES} {standing.serves} is what the bundle serves. {choice}", f"  {told}"]


def _rows(
    metrics: Mapping[str, Mapping[str, float]],
    intervals: Mapping[str, Mapping[str, tuple[float, float]]],
    serves: str | None,
) -> list[str]:
    """Header and systems in columns of equal width; a figure that was not measured is a dash."""
    best = {column: max(row[column] for row in metrics.values()) for column in HEADLINES}
    lines = [["system", *COLUMNS]]
    for name, row in metrics.items():
        cells = [f"{name} {SERVES}" if name == serves else name]
        for column in COLUMNS:
            digits = 1 if column == "seconds" else 4
            cell = f"{row[column]:.{digits}f}" if column in row else "-"
            if column in HEADLINES:
                cell += BEST if row[column] == best[column] else " "
                if name in intervals:
                    low, high = intervals[name][column]
                    cell += f"[{low:.4f}, {high:.4f}]"
            cells.append(cell)
        lines.append(cells)
    return _aligned(lines)


def _aligned(lines: list[list[str]]) -> list[str]:
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    return ["  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines]
