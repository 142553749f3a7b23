"""Plots of named points: accuracy against what lists are like, and over the length of the list."""

from collections.abc import Mapping
from typing import Final

from matplotlib.axes import Axes

from models.evaluation.evaluate import EvaluationReport
from models.evaluation.protocol import CUTOFFS
from models.evaluation.report_headline import is_own
from models.evaluation.report_svg import INK, Plot, drawn, marker_of, name_points, told_values, values_of

POINTS_INCHES: Final = 3.1
"""Height with few systems; each name needs a row of its own."""
TITLES: Final = {"coverage@10": "coverage", "ild@10": "diversity"}


def against_accuracy(report: EvaluationReport, metric: str, meaning: str) -> Plot:
    """NDCG@10 over another metric at 10, with the Pareto front of the two."""
    others, accuracy = values_of(report, metric), values_of(report, "ndcg@10")
    points = {name: (others[name], accuracy[name]) for name in others}
    front = pareto_front(points)

    def draw(axes: Axes) -> None:
        axes.plot(*zip(*(points[name] for name in front), strict=True), "--", color=INK, linewidth=1)
        for name, (x, y) in points.items():
            axes.plot(x, y, "o", **marker_of(name, filled=name in front))
        axes.margins(0.08)
        axes.set_ylim(axes.get_ylim())
        name_points(axes, points, gap=_name_gap(points))
        axes.locator_params(axis="x", nbins=4)
        axes.set_xlabel(metric.upper())
        axes.set_ylabel("NDCG@10")

    return Plot(
        title=f"Accuracy against {TITLES[metric]}",
        caption=f"{metric.upper()}: {meaning}. Filled and joined: the Pareto front, which no other system beats in"
        " one figure without losing in the other. Further up and right is better.",
        description=f"{told_values(others, metric)}. {told_values(accuracy, 'ndcg@10')}."
        f" Pareto front: {', '.join(front)}.",
        svg=drawn(metric, _height(points), draw),
    )


def over_cutoffs(report: EvaluationReport) -> Plot:
    """NDCG@k at each length of list."""
    curves = {name: [score.metrics[f"ndcg@{k}"] for k in CUTOFFS] for name, score in report.scores.items()}

    def draw(axes: Axes) -> None:
        for name, values in curves.items():
            axes.plot(CUTOFFS, values, "o-", linewidth=1.2, **marker_of(name, filled=is_own(name)))
        axes.set_xticks(CUTOFFS)
        axes.set_ylim(axes.get_ylim())
        name_points(axes, {name: (CUTOFFS[-1], values[-1]) for name, values in curves.items()}, _name_gap(curves))
        axes.set_xlabel("k, places of the list that count")
        axes.set_ylabel("NDCG@k")

    told = "; ".join(
        f"{name} " + ", ".join(f"{value:.4f} at {k}" for k, value in zip(CUTOFFS, values, strict=True))
        for name, values in curves.items()
    )
    return Plot(
        title="NDCG by length of list",
        caption="Filled: Figment and its variants. Higher is better; a lead at 5 and not at 20 is a lead at the top.",
        description=f"NDCG@k: {told}.",
        svg=drawn("cutoffs", _height(curves), draw),
    )


def pareto_front(points: Mapping[str, tuple[float, float]]) -> list[str]:
    """Names that no other beats in one figure without losing in the other, by rising first figure."""
    front = [
        name
        for name, (x, y) in points.items()
        if not any(a >= x and b >= y and (a, b) != (x, y) for a, b in points.values())
    ]
    return sorted(front, key=lambda name: points[name])


def _height(systems: Mapping[str, object]) -> float:
    return max(POINTS_INCHES, 0.7 + 0.24 * len(systems))


def _name_gap(systems: Mapping[str, object]) -> float:
    """In heights of the axes, so that names fill at most their height."""
    return min(0.09, 1.0 / len(systems))
