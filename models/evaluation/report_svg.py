"""Figures as SVG for a page: coloured by the page's own variables, the same bytes for the same figures."""

import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import matplotlib as mpl
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from models.evaluation.evaluate import EvaluationReport
from models.evaluation.report_headline import is_own

INK: Final = "#010203"
LINE: Final = "#040506"
OWN: Final = "#070809"
RIVAL: Final = "#0a0b0c"
PAPER: Final = "#0d0e0f"
VARIABLES: Final[Mapping[str, str]] = {INK: "--ink", LINE: "--line", OWN: "--own", RIVAL: "--rival", PAPER: "--paper"}
"""Colours that stand for the page's CSS variables, so that one drawing suits a light and a dark page."""
WIDTH_INCHES: Final = 4.2
"""302 units: about a phone's width, so that text keeps its size there."""
STYLE: Final[Mapping[str, object]] = {
    "axes.edgecolor": LINE,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "grid.color": LINE,
    "grid.linewidth": 0.5,
    "font.size": 10,
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": LINE,
    "xtick.labelcolor": INK,
    "ytick.color": LINE,
    "ytick.labelcolor": INK,
    "svg.fonttype": "none",
}


@dataclass(frozen=True, slots=True)
class Plot:
    """A figure of the page."""

    title: str
    caption: str
    """How to read it."""
    description: str
    """What it shows, in figures."""
    svg: str


def values_of(report: EvaluationReport, metric: str) -> dict[str, float]:
    """A metric by system."""
    return {name: score.metrics[metric] for name, score in report.scores.items()}


def told_values(values: Mapping[str, float], metric: str) -> str:
    """The figures in words, for those who cannot see them."""
    return f"{metric.upper()}: " + ", ".join(f"{name} {value:.4f}" for name, value in values.items())


def colour_of(system: str) -> str:
    """Figment and its variants stand out from their rivals."""
    return OWN if is_own(system) else RIVAL


def marker_of(system: str, *, filled: bool) -> dict[str, Any]:
    """The look of a system's points; what filled means is for the plot to say."""
    return {"color": colour_of(system), "markerfacecolor": colour_of(system) if filled else PAPER}


def drawn(name: str, height_inches: float, draw: Callable[[Axes], None]) -> str:
    """What `draw` puts on one pair of axes, as an `<svg>` element; `name` keeps its ids apart from other figures'."""
    # whatever the machine's own matplotlib settings say
    with style.context(dict(STYLE), after_reset=True), mpl.rc_context({"svg.hashsalt": name}):
        figure = Figure(figsize=(WIDTH_INCHES, height_inches), layout="constrained")
        draw(figure.subplots())
        buffer = io.StringIO()
        facts: dict[str, None] = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(buffer, format="svg", transparent=True, metadata=facts)
    return _for_a_page(buffer.getvalue())


def _for_a_page(svg: str) -> str:
    """Without what only a file of its own needs, as wide as its place, in the page's font and colours."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r' (?:xmlns(?::xlink)?|version)="[^"]*"', "", svg)
    # ids that nothing refers to, the same in every figure
    svg = re.sub(r' id="[\w.]+_\d+"', "", svg)
    svg = re.sub(r'(<svg) width="[^"]*" height="[^"]*"', r"\1", svg)
    svg = re.sub(r" font-family: [^;\"]*;?", "", svg).replace("xlink:href=", "href=")
    for colour, variable in VARIABLES.items():
        svg = svg.replace(colour, f"var({variable})")
    return svg.strip()


def spread(wanted: Sequence[float], gap: float) -> list[float]:
    """Heights close to the wanted ones, in their order and at least `gap` apart; of equals the first stands on top."""
    places = sorted(range(len(wanted)), key=lambda place: -wanted[place])
    heights = list(wanted)
    for upper, lower in pairwise(places):
        heights[lower] = min(heights[lower], heights[upper] - gap)
    # pushed below the axes: the stack is lifted from its foot as far as it needs
    floor = 0.0
    for place in reversed(places):
        heights[place] = max(heights[place], floor)
        floor = heights[place] + gap
    return heights


def name_points(axes: Axes, points: Mapping[str, tuple[float, float]], gap: float = 0.09) -> None:
    """Names in a column right of the axes, none over another, each with a thin line to its point.

    `points` are in data units; the limits of the axes must stand already.
    """
    low, high = axes.get_ylim()
    heights = spread([(y - low) / (high - low) for _, y in points.values()], gap)
    for (name, point), height in zip(points.items(), heights, strict=True):
        axes.annotate(
            name,
            point,
            xytext=(1.06, height),
            textcoords="axes fraction",
            va="center",
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": INK,
                "linewidth": 0.4,
                "shrinkA": 1,
                "shrinkB": 4,
                "relpos": (0, 0.5),
            },
        )
