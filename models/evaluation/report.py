"""`figment evaluate --report`: one page that holds the whole comparison and asks for nothing from elsewhere."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, StrictUndefined

from models.bundle.manifest import read_manifest
from models.evaluation.evaluate import REPORT_PAGE, EvaluationReport
from models.evaluation.protocol import CUTOFFS, Score
from models.evaluation.report_headline import headline, is_own
from models.evaluation.report_plots import plots, segment_names
from models.recommend.standing import signed

MEANINGS: Final[Mapping[str, tuple[str, str]]] = {
    "hr": ("hit rate: share of shoppers for whom something they took next is among the first k", "highest"),
    "ndcg": ("as hr, but a hit counts more the higher it stands; 1 is a perfect list", "highest"),
    "mrr": ("1 divided by the place of the first hit among the first k, else 0; mean over shoppers", "highest"),
    "coverage": ("share of the catalogue that stands in any shopper's list", "highest"),
    "gini": ("how unevenly items are listed: 0 all alike, towards 1 all places to one item", "lowest"),
    "ild": ("intra-list diversity: how different the items of a list are by their content, 0 to 1", "highest"),
    "miscalibration": ("how far a list's mixture of categories (or brands) is from the history's, in nats", "lowest"),
    "novelty": ("how rare the listed items are in the training events, in bits; neither end is better", ""),
    "seconds": ("time to rank all shoppers on the machine that measured, nothing else", "lowest"),
}
"""What each metric says, whatever its k, and which end of it is the better one."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """How the report came about, beside what it holds itself."""

    command: str
    made_at: datetime
    model_version: str | None
    """None where only rivals were measured, without a bundle."""


def conditions_now(arguments: Sequence[str], bundle: Path | None) -> Conditions:
    """Those of a `figment` command with these arguments that ends at this moment."""
    return Conditions(
        command=shlex.join(["figment", *arguments]),
        made_at=datetime.now(UTC),
        model_version=read_manifest(bundle).model_version if bundle else None,
    )


def write_report(folder: Path, report: EvaluationReport, conditions: Conditions) -> Path:
    """The page, written into the folder, which is made where it is missing; OSError where it cannot be."""
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / REPORT_PAGE
    page.write_text(render_report(report, conditions), encoding="utf-8")
    return page


def render_report(report: EvaluationReport, conditions: Conditions) -> str:
    """The page as HTML; the same figures and conditions give the same text."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(files("models.evaluation").joinpath("report.html").read_text(encoding="utf-8"))
    report = replace(report, scores=_best_first(report))
    figures = report.to_json()["systems"]
    # a list of ten is what is judged: those columns are seen without scrolling
    measured = dict.fromkeys(metric for score in report.scores.values() for metric in score.metrics)
    metrics = sorted(measured, key=lambda metric: not metric.endswith("@10"))
    return template.render(
        report=report,
        conditions=conditions,
        headline=headline(report),
        cutoffs=", ".join(map(str, CUTOFFS)),
        metrics=metrics,
        meanings=_meanings(metrics),
        rows=[
            {**_row(name, row, metrics, _best(figures, metrics)), "serves": name == report.serves}
            for name, row in figures.items()
        ],
        standing=report.standing.told() if report.standing else None,
        segments=segment_names(report),
        plots=plots(report),
    )


def _best_first(report: EvaluationReport) -> dict[str, Score]:
    return dict(sorted(report.scores.items(), key=lambda named: -named[1].metrics["ndcg@10"]))


def _meanings(metrics: list[str]) -> dict[str, tuple[str, str]]:
    """What each metric of the table says, by its name without k."""
    return {stem: MEANINGS[stem] for stem in dict.fromkeys(metric.partition("@")[0] for metric in metrics)}


def _best(figures: Mapping[str, Mapping[str, Any]], metrics: list[str]) -> dict[str, float]:
    """The better end of each metric that has one."""
    best = {}
    for metric in metrics:
        end = MEANINGS[metric.partition("@")[0]][1]
        if end:
            best[metric] = (max if end == "highest" else min)(row[metric] for row in figures.values() if metric in row)
    return best


def _row(name: str, row: Mapping[str, Any], metrics: list[str], best: Mapping[str, float]) -> dict[str, Any]:
    """A system's cells: text, interval where there is one, and whether no other system does better.

    A figure that was not measured is a dash.
    """
    cells = []
    for metric in metrics:
        if metric not in row:
            cells.append({"text": "-", "interval": "", "is_best": False})
            continue
        low_high = row.get(f"{metric}_interval")
        interval = "{:.4f} to {:.4f}".format(*low_high) if low_high else ""
        text = f"{row[metric]:.{1 if metric == 'seconds' else 4}f}"
        cells.append({"text": text, "interval": interval, "is_best": best.get(metric) == row[metric]})
    difference = row["ndcg@10_minus_best"]
    return {
        "name": name,
        "is_own": is_own(name),
        "cells": cells,
        "difference": signed(difference["mean"]),
        "difference_interval": " to ".join(map(signed, difference["interval"])),
        "segments": row,
    }
