"""MODEL_CARD.md: what a bundle is, what it was trained on, how well it does and where it does not."""

from collections.abc import Iterable, Mapping
from typing import Any

from models.bundle.manifest import Manifest
from models.recommend.standing import Standing, told_choice, validated

METRICS = ("hr@10", "ndcg@10", "coverage@10", "gini@10", "ild@10", "novelty@10", "miscalibration@10")

VOICES = {"neighbours": "the neighbours' proposals", "taken": "what was taken before"}
"""Sources beside the generator, by the names of their weights."""


def model_card(manifest: Manifest) -> str:
    """The card as Markdown."""
    dataset, split = manifest.dataset, manifest.split
    lines = [
        f"# {manifest.model_version}",
        "",
        "A generator, trained against a critic, turns a shopper's history into the features of the product wanted next;"
        f" the index returns the nearest real products. {_who_orders(manifest)}",
        "",
        "## Data",
        "",
        f"- {dataset.name}; source: {dataset.source or 'not stated'}; licence: {dataset.licence or 'not stated'}",
        f"- {manifest.num_items:,} items, {manifest.num_users:,} shoppers, {manifest.num_events:,} training events",
        f"- {manifest.repeat_share:.1%} of the training events are repeat purchases, so items of the history are"
        f" {'left out of' if manifest.exclude_seen else 'kept in'} answers unless the caller says otherwise",
        f"- split: {split['kind']}" + ("; refitted on all events afterwards" if manifest.refitted else ""),
        "",
        "## Held-out events",
        "",
        *_scoreboard(manifest.scoreboard),
        "",
        f"Every item is ranked for every held-out shopper. `{manifest.serves}` is what serves. {told_choice(manifest)}"
        f" {_weights(manifest.fusion)}",
        *_standing(manifest),
        "",
        "## Stability",
        "",
        *_stability(manifest.metrics),
        "",
        "## Decoder",
        "",
        *_decoder(manifest.metrics.get("decoder", {})),
        "",
        "## Exploration",
        "",
        *_exploration(manifest.metrics.get("exploration", {}), is_held_out=bool(manifest.scoreboard)),
        "",
        "## Limits",
        "",
        "- Lists follow the behaviour that was recorded, its biases included: popular items are shown more"
        " (`gini@10` says how unevenly).",
        "- An item without any training event is placed by its content alone.",
        *_benchmark(manifest),
        "- Figures are of one data set and one split; they are no promise for another shop.",
        "",
    ]
    return "\n".join(lines)


def _scoreboard(scoreboard: Mapping[str, Mapping[str, Any]]) -> list[str]:
    if not scoreboard:
        return ["No event was held out: nothing is claimed."]
    return [
        "| system | " + " | ".join(METRICS) + " |",
        "|---" * (len(METRICS) + 1) + "|",
        *(f"| {name} | " + " | ".join(_cells(row, METRICS)) + " |" for name, row in scoreboard.items()),
    ]


def _standing(manifest: Manifest) -> list[str]:
    told = Standing.of(manifest, manifest.serves).told()
    return ["", told] if told else []


def _benchmark(manifest: Manifest) -> list[str]:
    told = (
        "- Made for a benchmark: a tenth of the items was hidden from training, so a shop is served better by another."
    )
    return [told] if manifest.is_for_benchmarks else []


def _cells(row: Mapping[str, Any], metrics: Iterable[str]) -> list[str]:
    """A figure that was not measured is a dash."""
    return [f"{row[metric]:.4f}" if metric in row else "-" for metric in metrics]


def _stability(metrics: Mapping[str, Any]) -> list[str]:
    """What the watch saw: where generated features lie among real ones, and every roll-back."""
    probe = metrics.get("probe", {})
    figures = ", ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in probe.items())
    lines = [f"The watch found at the end: {figures}." if probe else "Too little data for the watch's probe."]
    for each in metrics.get("incidents", ()):
        lines.append(f"- {each['fit']}: rolled back at step {each['step']}: {each['reason']}; then {each['remedy']}")
    return lines if len(lines) > 1 else [*lines, "Training was never rolled back."]


def _decoder(figures: Mapping[str, float]) -> list[str]:
    """How far descriptions of what does not exist can be believed."""
    if not figures:
        return ["None: there was too little to learn one from."]
    rows = [
        (name.replace("_", " "), figures[name], figures.get(f"nearest_{name}"))
        for name in ("category", "category_top", "brand", "words", "price_inside")
        if name in figures
    ]
    return [
        "What it says of items that it was not fitted on, from their content's features:"
        f" {figures['held_out_items']:.0f} items. Words: share of the five said that the item has; price: share inside"
        " the range, which is made for .8.",
        "",
        "| | right | copied from the nearest other item |",
        "|---|---|---|",
        *(f"| {name} | {right:.3f} | {'-' if near is None else f'{near:.3f}'} |" for name, right, near in rows),
    ]


def _exploration(effect: Mapping[str, Mapping[str, float]], *, is_held_out: bool) -> list[str]:
    if not effect:
        return [f"Not measured: no {'held-out shopper has a history' if is_held_out else 'event was held out'}."]
    names = list(dict.fromkeys(name for row in effect.values() for name in row))
    return [
        "What the `exploration` of a request does to the list, everything else equal (8 samples, generator's order):",
        "",
        "| exploration | " + " | ".join(names) + " |",
        "|---" * (len(names) + 1) + "|",
        *(f"| {level} | " + " | ".join(_cells(row, names)) + " |" for level, row in effect.items()),
        "",
        _widening(effect),
    ]


def _widening(effect: Mapping[str, Mapping[str, float]]) -> str:
    """In words, whether noise does what it is for."""
    reached = [row["coverage@10"] for row in effect.values()]
    none, full = reached[0], reached[-1]
    if full > 1.05 * none:
        return f"Full exploration reaches {full / none:.2f} times as much of the catalogue as none."
    return "Exploration does not widen what is listed on this data: the noise found no other wishes to express."


def _who_orders(manifest: Manifest) -> str:
    """Which system serves, in words, and whether that was found out."""
    if not validated(manifest):
        return f"`{manifest.serves}` orders the lists; no other order was held against it."
    voices = [voice for source, voice in VOICES.items() if manifest.fusion.get(source, 0.0) > 0]
    together = f"together with {' and '.join(voices)}" if voices else "by the generator's score alone"
    judge = "the judge did not improve them" if manifest.evidence else "no judge could be fitted"
    told = {
        "figment": "The judge orders them and what the other sources propose, by the evidence for each.",
        "figment-fused": f"They are ordered {together}; {judge}.",
        "figment-generator": "They stand in the index's order: nothing else in the bundle improved the list.",
        "item-knn+content": "On this data nothing in the bundle finds more than neighbours alone, so they serve.",
        "popularity": "On this data nothing in the bundle finds more than popularity alone, so it serves.",
    }
    return told[manifest.serves]


def _weights(fusion: Mapping[str, float]) -> str:
    sources = ", ".join(f"{name} {weight:g}" for name, weight in fusion.items() if name != "beside_judge")
    told = f"Weights beside the generator's 1: {sources}."
    beside = fusion.get("beside_judge", 0.0)
    return f"{told} That order counts {beside:g} beside the judge's 1." if beside else told
