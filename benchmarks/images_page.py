"""Writes the figures of pictures from the records of `images.py` into the page: `python benchmarks/images_page.py`."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

RESULTS: Final = Path(__file__).parent / "results"
REPOSITORY: Final = Path(__file__).parents[1]
PAGE: Final = REPOSITORY / "docs" / "uses" / "images.md"
"""Where the section stands, whichever is there."""
BEGIN: Final = "<!-- benchmarks/images_page.py writes from here -->\n\n"
END: Final = "\n<!-- to here -->"
NAMES: Final = ("fashion_mnist", "fashion_photos")
GATES: Final[Mapping[str, tuple[str, Callable[[Mapping[str, Any]], bool]]]] = {
    "FID at most 12 % of the textbook's": ("fashion_mnist", lambda record: _share(record) <= 0.12),
    "class accuracy at least .88": ("fashion_mnist", lambda record: record["pictures"]["class_accuracy"] >= 0.88),
    "coverage at least .60": ("fashion_mnist", lambda record: record["pictures"]["coverage"] >= 0.60),
    "KID ahead of the textbook's": (
        "fashion_mnist",
        lambda record: record["pictures"]["kid"] < record["textbook"]["best"]["kid"],
    ),
    "at most 80 CPU-minutes": ("fashion_mnist", lambda record: _minutes(record) <= 80),
    "with the classifier that is sealed beside the pair too": (
        "fashion_mnist",
        lambda record: _minutes(record) + _classifier_minutes(record) <= 80,
    ),
    "stretch: FID at most 6 % of the textbook's": ("fashion_mnist", lambda record: _share(record) <= 0.06),
    "stretch: class accuracy at least .90": (
        "fashion_mnist",
        lambda record: record["pictures"]["class_accuracy"] >= 0.90,
    ),
    "stretch: coverage at least .75": ("fashion_mnist", lambda record: record["pictures"]["coverage"] >= 0.75),
}
"""Fixed before anything was measured."""
MEASURES: Final = {
    "fid": "FID",
    "kid": "KID",
    "precision": "precision",
    "recall": "recall",
    "density": "density",
    "coverage": "coverage",
    "class_accuracy": "shows the category asked for",
    "spread_within_class": "variety within a category, of the photographs'",
    "nearest_training_median": "pixels to the nearest training photograph, median",
    "nearest_training_below_real": "nearer than 99 % of held-out photographs are",
}


def with_figures(page: str) -> str:
    """The page with today's records between its marks."""
    before, rest = page.split(BEGIN)
    return before + BEGIN + figures() + END + rest.split(END)[1]


def figures() -> str:
    """A table and a contact sheet for each record that is there, and what became of the gates."""
    records = {name: json.loads(path.read_text()) for name in NAMES if (path := _record(name)).exists()}
    parts = [_table(name, record) for name, record in records.items()]
    missing = [f"`{name}`" for name in NAMES if name not in records]
    if missing:
        parts.append(f"Not measured yet: {', '.join(missing)}. Nothing is claimed of what has no table here.")
    gates = [
        f"- {gate}: {'reached' if holds(records[name]) else '**missed**'}"
        for gate, (name, holds) in GATES.items()
        if name in records
    ]
    if gates:
        parts.append("\n".join(["Fixed for Fashion-MNIST before anything was measured:\n", *gates]))
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _record(name: str) -> Path:
    return RESULTS / f"images_{name}.json"


def _table(name: str, record: Mapping[str, Any]) -> str:
    pictures, floor = record["pictures"], record["floor"]
    textbook = {**record["textbook"]["best"], "fid": _best_fid(record)}
    what, size, steps = (
        record["what"].removeprefix("pictures of "),
        record["settings"]["size"],
        record["settings"]["steps"],
    )
    held_out, best, fid_by_epoch = (
        record["photographs"]["held_out"],
        record["textbook"]["best"]["epoch"],
        record["textbook"]["fid_by_epoch"],
    )
    lines = [
        f"**{what}**, {size} × {size}: {steps:,} steps, {_minutes(record):.0f} CPU-minutes; the classifier "
        f"{_classifier_minutes(record):.0f} more, its accuracy on {held_out:,} held-out photographs "
        f"{record['classifier']['accuracy']:.3f}.",
        "",
        f"| | Figment | textbook (best of {len(record['textbook']['fid_by_epoch'])} epochs) | floor |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {label} | {_cell(pictures.get(measure))} | {_cell(textbook.get(measure))} | {_cell(floor.get(measure))} |"
        for measure, label in MEASURES.items()
    ]
    share = f"FID is {100 * _share(record):.1f} % of the textbook's."
    if min(fid_by_epoch) != fid_by_epoch[best - 1]:
        share += (
            f" The textbook's other measures are of its epoch {best}, whose FID is {_cell(fid_by_epoch[best - 1])}:"
            " those of its best epoch were not kept then."
        )
    sheet = f"![Generated pictures, a line for each category](../images/pictures_{name}.png)"
    return "\n".join([*lines, "", share, "", sheet, ""])


def _minutes(record: Mapping[str, Any]) -> float:
    """Of the pair's training, on all cores."""
    return float(record["training_cpu_seconds"] / 60)


def _classifier_minutes(record: Mapping[str, Any]) -> float:
    return float(record["classifier"]["cpu_seconds"] / 60)


def _best_fid(record: Mapping[str, Any]) -> float:
    """Of the textbook's epochs."""
    return float(min(record["textbook"]["fid_by_epoch"]))


def _share(record: Mapping[str, Any]) -> float:
    return float(record["pictures"]["fid"]) / _best_fid(record)


def _cell(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"


if __name__ == "__main__":
    PAGE.write_text(with_figures(PAGE.read_text()))
