"""A report as a plain-text table."""

from typing import Final

from models.evaluation.evaluate import EvaluationReport
from models.evaluation.protocol import HEADLINES

COLUMNS: Final = ("hr@10", "ndcg@10", "mrr@10", "coverage@10", "gini@10", "ild@10", "novelty@10", "seconds")
BEST: Final = "*"


def render_table(report: EvaluationReport) -> str:
    """One line a system; 95 % intervals in brackets, the best HR and NDCG starred."""
    best = {column: max(score.metrics[column] for score in report.scores.values()) for column in HEADLINES}
    lines = [["system", *COLUMNS]]
    for name, score in report.scores.items():
        row = score.metrics
        cells = [name]
        for column in COLUMNS:
            cell = f"{row[column]:.4f}" if column != "seconds" else f"{row[column]:.1f}"
            if column in HEADLINES:
                low, high = score.intervals[column]
                star = BEST if row[column] == best[column] else " "
                cell = f"{cell}{star}[{low:.4f}, {high:.4f}]"
            cells.append(cell)
        lines.append(cells)
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    seen = "seen items left out" if report.seen_filtered else "seen items kept"
    title = f"{report.dataset} · {report.split} · {report.num_users:,} shoppers · {seen}"
    return "\n".join([title, *("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) for line in lines)])
