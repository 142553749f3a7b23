"""A report as a plain-text table."""

from typing import Final

from models.evaluation.evaluate import EvaluationReport

COLUMNS: Final = ("hr@10", "ndcg@10", "mrr@10", "coverage@10", "gini@10", "ild@10", "novelty@10", "seconds")
WITH_INTERVAL: Final = frozenset({"hr@10", "ndcg@10"})
BEST: Final = "*"


def render_table(report: EvaluationReport) -> str:
    """One line a system; 95 % intervals in brackets, the best HR and NDCG starred."""
    rows = {name: score.metrics for name, score in report.scores.items()}
    best = {column: max(row[column] for row in rows.values()) for column in WITH_INTERVAL}
    lines = [["system", *COLUMNS]]
    for name, row in rows.items():
        cells = [name]
        for column in COLUMNS:
            cell = f"{row[column]:.4f}" if column != "seconds" else f"{row[column]:.1f}"
            if column in WITH_INTERVAL:
                star = BEST if row[column] == best[column] else " "
                cell = f"{cell}{star}[{row[f'{column}_low']:.4f}, {row[f'{column}_high']:.4f}]"
            cells.append(cell)
        lines.append(cells)
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    seen = "seen items left out" if report.seen_filtered else "seen items kept"
    title = f"{report.dataset} · {report.split} · {report.num_users:,} shoppers · {seen}"
    return "\n".join([title, *("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) for line in lines)])
