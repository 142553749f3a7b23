"""Which plots a report shows, each with the words for those who cannot see it."""

import math
from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes

from models.domain.counted import counted
from models.evaluation.evaluate import EvaluationReport
from models.evaluation.protocol import HEADLINES
from models.evaluation.report_headline import is_own
from models.evaluation.report_points import against_accuracy, over_cutoffs
from models.evaluation.report_svg import PAPER, Plot, colour_of, drawn, marker_of, told_values, values_of

ROW_INCHES: Final = 0.28
LEGEND_COLUMNS: Final = 3
LEGEND_INCHES: Final = 0.2
SEGMENT_MARKERS: Final = {
    "new_users": "^",
    "known_users": "v",
    "new_items": "D",
    "known_items": "o",
    "taken_before": "s",
    "first_time": "*",
}


def plots(report: EvaluationReport) -> list[Plot]:
    """All plots that the report has figures for."""
    found = [
        *(_with_intervals(report, metric) for metric in HEADLINES),
        against_accuracy(report, "coverage@10", "share of the catalogue that stands in any list"),
        *_against_diversity(report),
        over_cutoffs(report),
        _exposure(report),
    ]
    return found + ([_segments(report)] if segment_names(report) else [])


def _against_diversity(report: EvaluationReport) -> list[Plot]:
    """None where nothing is known of the items of some system's lists."""
    if not all("ild@10" in score.metrics for score in report.scores.values()):
        return []
    return [against_accuracy(report, "ild@10", "intra-list diversity, how different a list's items are")]


def segment_names(report: EvaluationReport) -> list[str]:
    """The segments that the report has, in their fixed order."""
    return [name for name in SEGMENT_MARKERS if all(name in score.segments for score in report.scores.values())]


def _rows_of_systems(axes: Axes, systems: Sequence[str]) -> None:
    """One row a system, the first on top."""
    axes.set_yticks(range(len(systems)), systems)
    axes.set_ylim(len(systems) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)


def _with_intervals(report: EvaluationReport, metric: str) -> Plot:
    values = values_of(report, metric)
    intervals = {name: score.intervals[metric] for name, score in report.scores.items()}

    def draw(axes: Axes) -> None:
        for row, (name, value) in enumerate(values.items()):
            axes.hlines(row, *intervals[name], color=colour_of(name), linewidth=2)
            axes.plot(value, row, "o", **marker_of(name, filled=is_own(name)))
        _rows_of_systems(axes, list(values))
        axes.locator_params(axis="x", nbins=5)
        axes.set_xlabel(metric.upper())

    told = ", ".join(f"{n} {v:.4f} ({intervals[n][0]:.4f} to {intervals[n][1]:.4f})" for n, v in values.items())
    return Plot(
        title=f"{metric.upper()} with intervals",
        caption="Point: mean over shoppers. Line: 95 % interval. Filled: Figment and its variants. Right is better.",
        description=f"{metric.upper()} with 95 % intervals: {told}.",
        svg=drawn(metric, 0.7 + ROW_INCHES * len(values), draw),
    )


def _exposure(report: EvaluationReport) -> Plot:
    gini = values_of(report, "gini@10")

    def draw(axes: Axes) -> None:
        bars = axes.barh(range(len(gini)), list(gini.values()), height=0.6)
        for bar, name in zip(bars, gini, strict=True):
            bar.set(facecolor=colour_of(name) if is_own(name) else PAPER, edgecolor=colour_of(name))
        axes.set_xlim(0, 1)
        _rows_of_systems(axes, list(gini))
        axes.set_xlabel("GINI@10")

    return Plot(
        title="Exposure",
        caption="Gini coefficient of how often items are listed. 0: all alike; 1: all places to one item.",
        description=f"Gini coefficient of exposure. {told_values(gini, 'gini@10')}.",
        svg=drawn("exposure", 0.7 + ROW_INCHES * len(gini), draw),
    )


def _segments(report: EvaluationReport) -> Plot:
    values = {
        segment: {name: score.segments[segment]["ndcg@10"] for name, score in report.scores.items()}
        for segment in segment_names(report)
    }

    def draw(axes: Axes) -> None:
        for segment, by_system in values.items():
            for row, (name, value) in enumerate(by_system.items()):
                filled = segment == "known_items"
                label = segment.replace("_", " ") if row == 0 else None
                axes.plot(value, row, SEGMENT_MARKERS[segment], label=label, **marker_of(name, filled=filled))
        _rows_of_systems(axes, list(report.scores))
        axes.locator_params(axis="x", nbins=5)
        axes.set_xlabel("NDCG@10")
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=LEGEND_COLUMNS, frameon=False, handletextpad=0)

    sizes = next(iter(report.scores.values())).segments
    counts = ", ".join(
        f"{name.replace('_', ' ')}: {counted(int(sizes[name]['num_users']), 'shopper')}" for name in values
    )
    told = "; ".join(
        f"{segment.replace('_', ' ')}, {told_values(figures, 'ndcg@10')}" for segment, figures in values.items()
    )
    return Plot(
        title="New and known",
        caption=(
            "Shoppers without and with a history, targets without and with a training event, and, where lists hold what"
            f" shoppers had, targets taken before and taken for the first time, each apart. {counts}."
        ),
        description=f"By segment: {told}.",
        svg=drawn(
            "segments",
            0.8 + LEGEND_INCHES * math.ceil(len(values) / LEGEND_COLUMNS) + ROW_INCHES * len(report.scores),
            draw,
        ),
    )
