"""The ablation's plots."""

from pathlib import Path
from statistics import mean
from typing import Any, Final

import matplotlib as mpl
from matplotlib import pyplot as plt

mpl.use("svg")
mpl.rcParams["svg.hashsalt"] = "figment"
COLOURS: Final = {
    "noise": "#0072b2",
    "MMR": "#d55e00",
    "DPP": "#009e73",
    "temperature": "#cc79a7",
    "seldom bought": "#56b4e9",
    "none": "#555555",
}
CURVES: Final = ("likelihood", "mixture", "adversarial", "critic_accuracy")
Run = dict[str, Any]


def draw_trade_off(runs: list[Run], path: Path) -> None:
    """Accuracy against coverage and against diversity: the generator's noise, and what needs none."""
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.5), sharey=True, layout="constrained")
    points = averaged([*trade_off(runs, "full"), *trade_off(runs, "no-noise")])
    for axis, (metric, label) in zip(
        axes, (("coverage@10", "catalogue coverage@10"), ("ild@10", "intra-list diversity@10")), strict=True
    ):
        for by, colour in COLOURS.items():
            if not (line := [values for (way, _), values in sorted(points.items()) if way == by]):
                continue
            marker = "s" if by == "none" else "o"
            axis.plot(
                [v[metric] for v in line], [v["ndcg@10"] for v in line], marker=marker, color=colour, label=f"by {by}"
            )
        axis.set_xlabel(label)
        axis.grid(visible=True, alpha=0.3)
    axes[0].set_ylabel("NDCG@10 of the generator's lists")
    axes[0].legend()
    save(figure, path)


def draw_realism(runs: list[Run], path: Path) -> None:
    """Precision, recall, density and coverage, training beside training."""
    trainings = list(dict.fromkeys(run["training"] for run in runs))
    measures = ("precision", "recall", "density", "coverage")
    figure, axis = plt.subplots(figsize=(11, 4), layout="constrained")
    width = 0.8 / len(trainings)
    for number, training in enumerate(trainings):
        heights = [mean(r["realism"][name] for r in runs if r["training"] == training) for name in measures]
        axis.bar([place + number * width for place in range(len(measures))], heights, width, label=training)
    axis.set_xticks([place + 0.4 - width / 2 for place in range(len(measures))], measures)
    axis.set_ylabel("share (density may pass 1)")
    axis.legend(ncols=2, fontsize="small")
    save(figure, path)


def draw_curves(runs: list[Run], path: Path) -> None:
    """Running means of the loss's terms, first seed."""
    first = min(run["seed"] for run in runs)
    figure, axes = plt.subplots(1, len(CURVES), figsize=(15, 3.6), layout="constrained")
    for axis, name in zip(axes, CURVES, strict=True):
        for run in runs:
            if run["seed"] == first and name in run["curves"]:
                steps, values = zip(*run["curves"][name], strict=True)
                axis.plot(steps, values, label=run["training"], linewidth=1.2)
        axis.set_title(name.replace("_", " "))
        axis.set_xlabel("step")
        axis.grid(visible=True, alpha=0.3)
    axes[-1].legend(fontsize="x-small")
    save(figure, path)


def trade_off(runs: list[Run], training: str) -> list[dict[str, Any]]:
    return [point for run in runs if run["training"] == training for point in run["trade_off"]]


def averaged(points: list[dict[str, Any]]) -> dict[tuple[str, float], dict[str, float]]:
    """(way, level) → each metric's mean over seeds."""
    groups: dict[tuple[str, float], list[dict[str, Any]]] = {}
    for point in points:
        groups.setdefault((point["by"], point["level"]), []).append(point)
    metrics = ("ndcg@10", "coverage@10", "ild@10")
    return {key: {name: mean(point[name] for point in group) for name in metrics} for key, group in groups.items()}


def save(figure: Any, path: Path) -> None:
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
