"""`docs/ablation.md` and its plots, from the committed record of the ablation.

    python benchmarks/ablation_page.py benchmarks/results/ablation_amazon_beauty.json

What the page claims stands here; what came out is read from the record.
"""

import json
import math
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import mean, stdev
from typing import Any, Final

from ablation_measures import NUM_JUDGED, NUM_USERS
from ablation_plots import draw_curves, draw_realism, draw_trade_off

DOCS: Final = Path(__file__).parents[1] / "docs"
IMAGES: Final = DOCS / "images"
RESULTS: Final = Path(__file__).parent / "results"
PAGE: Final = DOCS / "ablation.md"
ABLATION_RECORD: Final = RESULTS / "ablation_amazon_beauty.json"
VARIETY_RECORD: Final = RESULTS / "variety_amazon_beauty.json"
ONE_WISH: Final = "noise, 1 wish"
COLD_RECORD: Final = RESULTS / "accuracy_amazon_beauty_cold_items.json"
ACCURACY: Final = ("amazon_beauty", "amazon_sports", "online_retail", "complete_journey")
MOST_MINUTES: Final = 8
HARDLY: Final = 0.02
"""Of NDCG@10, less than which the page calls hardly a difference."""
Run = dict[str, Any]

ARMS: Final = (
    ("no noise, no D", "no-noise", None),
    ("noise mixture, no D", "no-critic", None),
    ("critic only", "full", None),
    ("judge only", "no-critic", "judged"),
    ("full", "full", "judged"),
    ("no teacher", "not-distilled", "judged"),
    ("D sees shuffled histories", "shuffled-histories", None),
    ("noise of equal length instead of D", "placebo", None),
    ("without R1 and R2", "no-penalties", None),
    ("without mismatched pairs", "no-mismatched-pairs", None),
    ("judge from random negatives", "full", "judged by random negatives"),
    ("remedy: adversary as strong as the likelihood", "stronger-adversary", None),
    ("remedy: noise on four times the positions", "more-positions", None),
    ("remedy: mixture weighs .1 instead of .25", "lighter-mixture", None),
)
"""(arm, training that it reads, judge or None)."""


def main() -> None:
    record = Path(sys.argv[1])
    runs = json.loads(record.read_text())["runs"]
    IMAGES.mkdir(exist_ok=True)
    for name, draw in (("trade_off", draw_trade_off), ("realism", draw_realism), ("curves", draw_curves)):
        draw(runs, IMAGES / f"ablation_{name}.svg")
    PAGE.write_text(page_of(record), encoding="utf-8")


def page_of(record: Path) -> str:
    """The page's text, of this record of the ablation and of the records that it is held against."""
    ablation, cold = (json.loads(path.read_text()) for path in (record, COLD_RECORD))
    return "\n".join(page(ablation, ablation["runs"], cold)) + "\n"


def machines_of(runs: list[Run]) -> str:
    """Where it ran, as far as the runs tell."""
    machines = sorted({run["hardware"]["processor"] for run in runs if "hardware" in run})
    untold = sum("hardware" not in run for run in runs)
    told = [f"not recorded for {untold} of {len(runs)} runs"] if untold else []
    return f"machines: {', '.join([*machines, *told])}"


def page(record: dict[str, Any], runs: list[Run], cold: dict[str, Any]) -> list[str]:
    seeds = sorted({run["seed"] for run in runs})
    longest, shared = (max(run.get(part, 0.0) for run in runs) / 60 for part in ("cpu_seconds", "shared_cpu_seconds"))
    quickest: dict[str, float] = {}
    for run in runs:
        quickest[run["training"]] = min(run["cpu_seconds"] / 60, quickest.get(run["training"], math.inf))
    too_long = sum(run["cpu_seconds"] > 60 * MOST_MINUTES for run in runs)
    taught = (
        f"the teacher's lists, which all arms of a seed share, {shared:.1f} more"
        if shared
        else "teacher's lists included"
    )
    return [
        "# Does the adversary earn its place?",
        "",
        "Every arm is the full profile, cut to three epochs and 40,000 taught lists, on Amazon Beauty (leave-one-out,"
        f" seen items left out, all items ranked, {NUM_JUDGED:,} held-out shoppers). {told_seeds(seeds)} The longest"
        f" training took {max(quickest.values()):.1f} CPU-minutes in its quickest seed and {longest:.1f} in its slowest"
        f" one, beside other work on the same core (at most {MOST_MINUTES} were aimed at: missed by {too_long} of"
        f" {len(runs)}; {taught});"
        f" {machines_of(runs)}. The claims below were fixed before anything ran, and are reported as they came out.",
        "",
        "Code of the runs: " + ", ".join(f"`{each}`" for each in sorted({run["revision"][:7] for run in runs})) + ".",
        "An arm is trained for a quarter as long as what the README's figures are of, and with a mixture that weighs"
        " .25; the profile has .1 since, by what the lighter mixture found. So compare arms with each other.",
        "",
        *in_short(runs),
        "",
        "```bash",
        # records made before circumstances() told the whole command line do not name the file
        record["command"]
        + ("" if "--json" in record["command"] else f" --json benchmarks/results/{ABLATION_RECORD.name}"),
        f"python benchmarks/ablation_page.py benchmarks/results/{ABLATION_RECORD.name}",
        "```",
        "",
        "## Arms",
        "",
        *arms_table(runs),
        "",
        "## Claims",
        "",
        *(line for claim in (judge_lifts, variety) for line in (*claim(runs), "")),
        *hidden_items(cold),
        "",
        *(line for claim in (realism, noise_used) for line in (*claim(runs), "")),
        *what_the_critic_brings(runs),
        "",
        *what_else(runs),
        "",
        "## Pictures",
        "",
        "![Accuracy against coverage and diversity](images/ablation_trade_off.svg)",
        "",
        "![Precision, recall, density and coverage of generated features](images/ablation_realism.svg)",
        "",
        "![Terms of the loss over the steps](images/ablation_curves.svg)",
    ]


def in_short(runs: list[Run]) -> list[str]:
    """The question of the page, answered."""
    full, without = of(runs, "full"), of(runs, "no-critic")
    judged = [arm(run, "judged") / arm(run, "fused") - 1 for run in full]
    critic = [arm(run, "judged") / arm(other, "judged") - 1 for run, other in zip(full, without, strict=True)]
    real = [mean(run["realism"]["coverage"] for run in each) for each in (without, full)]
    earns = "earns" if min(judged) > 0 else "does not earn"
    return [
        "**In short.** There are two discriminators. The *judge*, which learns to tell what was really taken next from"
        f" what generator and neighbours propose, {earns} its place: {percent(judged)} NDCG@10. The *critic*, against"
        f" which the generator is trained, changes the judged list by {percent(critic)}: for accuracy alone nobody"
        " would train it. It makes the generator's features lie where those of real products lie (coverage"
        f" {real[0]:.2f} without it, {real[1]:.2f} with it), which is what new products, explored lists and fraud are"
        " built on.",
    ]


def arms_table(runs: list[Run]) -> list[str]:
    lines = [
        "| arm | generator alone | fused with neighbours | judged | coverage@10 | diversity@10 |",
        "|---|---|---|---|---|---|",
    ]
    for arm, training, judge in ARMS:
        if not of(runs, training):
            continue
        last = judge or "fused"
        cells = [
            told(runs, training, lambda run: run["arms"]["generator"]["ndcg@10"]),
            told(runs, training, lambda run: run["arms"]["fused"]["ndcg@10"]),
            told(runs, training, lambda run, judge=judge: run["arms"][judge]["ndcg@10"]) if judge else "–",
            told(runs, training, lambda run, last=last: run["arms"][last]["coverage@10"], 3),
            told(runs, training, lambda run, last=last: run["arms"][last]["ild@10"], 3),
        ]
        lines.append(f"| {arm} | " + " | ".join(cells) + " |")
    return [*lines, "", "NDCG@10 in the first three columns; coverage and diversity of the arm's last list."]


def judge_lifts(runs: list[Run]) -> list[str]:
    lifts = [arm(run, "judged") / arm(run, "fused") - 1 for run in of(runs, "full")]
    elsewhere = {}
    for name in ACCURACY:
        means = json.loads((RESULTS / f"accuracy_{name}.json").read_text())["over_seeds"]
        elsewhere[name] = means["figment"]["ndcg@10"]["mean"] / means["figment-fused"]["ndcg@10"]["mean"] - 1
    harder = [arm(run, "judged") / arm(run, "judged by random negatives") - 1 for run in of(runs, "full")]
    return [
        f"**(a) The judge lifts NDCG@10 by at least 8 % over the fused list, on every set:"
        f" {holds(min(*lifts, *elsewhere.values()) >= 0.08)}.** By {percent(lifts)} here; with the profiles of the"
        " README's table, means over seeds, by"
        f" {', '.join(f'{lift:+.1%} ({name})' for name, lift in elsewhere.items())}. The generator's proposals are"
        " better negatives than random ones:"
        f" {holds(min(harder) > 0)}; judged lists are {percent(harder)} better than with a judge that learned from as"
        " many lists of random products.",
        "",
        "Where people buy again the judge used to lift by more: by "
        + " and ".join(f"{lift:+.1%} ({name})" for name, lift in BEFORE_HABITS.items())
        + f", in the records of {BEFORE_HABITS_AT}. Since then the fused list knows itself what a shopper took before,"
        " which was the largest part of what the judge told it. Less is left to be lifted, and the judged list is"
        " better than it was."
        " Remedies tried there: lists of several baskets of each shopper, evidence that counts baskets (more is found),"
        " and boosted trees in the judge's place (less; decision 5).",
    ]


def variety(runs: list[Run]) -> list[str]:
    """Within 1 % of the undisturbed list without noise and adversary, the best coverage and diversity of each way."""
    lines = []
    for metric, name in (("coverage@10", "coverage"), ("ild@10", "intra-list diversity")):
        won, found = [], []
        for run, plain in zip(of(runs, "full"), of(runs, "no-noise"), strict=True):
            floor = 0.99 * next(point["ndcg@10"] for point in plain["trade_off"] if point["by"] == "none")
            points = [*run["trade_off"], *plain["trade_off"]]
            allowed = [point for point in points if point["ndcg@10"] >= floor]
            disturbed = [point for point in allowed if point["by"] != "noise" or point["level"] > 0]
            asked = [by for by in WAYS if any(point["by"] == by for point in points)]
            best = {by: max(reached) for by in asked if (reached := [p[metric] for p in disturbed if p["by"] == by])}
            found.append(best)
            won.append(best.get("noise", 0.0) > max(value for by, value in best.items() if by != "noise"))
        values = ", ".join(_most(by, found) for by in asked)
        lines.append(f"- {name}: {values}; ahead in {sum(won)} of {len(won)} seeds")
        if all(won):
            lines[-1] += " (holds)"
    stands = any(line.endswith("(holds)") for line in lines)
    still = [next(point for point in run["trade_off"] if point["level"] == 0) for run in of(runs, "full")]
    loud = [max(run["trade_off"], key=lambda point: point["level"]) for run in of(runs, "full")]
    moved = ", ".join(
        f"{name} {mean(point[name] for point in still):.4f} to {mean(point[name] for point in loud):.4f}"
        for name in ("ndcg@10", "coverage@10", "ild@10")
    )
    lines += ["", f"From no noise to full noise the generator's own lists go: {moved}."]
    return [
        "**(b) At an NDCG@10 within 1 % of the plain list's, the generator's noise gives more coverage or"
        f" diversity than every way without a GAN: {holds(stands)}.** The best that each way reaches there, where a"
        " list of it is accurate enough at all, by lists of"
        f" {NUM_USERS:,} shoppers, so few that a difference of 1 % may be chance:",
        "",
        *lines,
        "",
        *sealed_variety(json.loads(VARIETY_RECORD.read_text())),
    ]


def _most(way: str, found: list[dict[str, float]]) -> str:
    """Mean over the seeds in which a way has a list that counts."""
    values = [best[way] for best in found if way in best]
    if not values:
        return f"{way} in no seed"
    seldom = f" (in {len(values)} of {len(found)} seeds)" if len(values) < len(found) else ""
    return f"{way} {mean(values):.3f}{seldom}"


def sealed_variety(record: dict[str, Any]) -> list[str]:
    """The same question of networks that were trained for the whole time, and of the list that is served."""
    lines = [
        "The networks of the arms pay for noise and adversary with accuracy: their lists hardly reach that of the arm"
        " without both. Remedies: train for the whole time, ask one wish instead of eight, put noise into the list that"
        f" is served. `{record['command']}` asks a bundle of the profile `full` for lists of {record['shoppers']:,}"
        f" shoppers, {len(record['systems']['figment'])} draws of the noise, and lets the other ways choose from the"
        f" hundred best of the same networks without noise. The most at an NDCG@10 of {record['within']:.0%} of the"
        " plain list's or more, means over draws:",
        "",
    ]
    ways = list(record["systems"]["figment"][0]["best"]["coverage@10"])
    lines += ["| list | | " + " | ".join(ways) + " |", "|---|---|" + "---|" * len(ways)]
    for system, draws in record["systems"].items():
        for metric in ("coverage@10", "ild@10"):
            values = [mean(draw["best"][metric][way] for draw in draws) for way in ways]
            lines.append(f"| `{system}` | {metric} | " + " | ".join(f"{value:.3f}" for value in values) + " |")
    served = record["systems"]["figment"]
    full = [point for draw in served for point in draw["points"] if point["by"] == ONE_WISH and point["level"] == 1]
    plain = [point for draw in served for point in draw["points"] if point["by"] == "none"]
    reached = {way: mean(draw["best"]["ild@10"][way] for draw in served) for way in ways}
    most_diverse = max(reached, key=lambda way: reached[way])
    ahead = all(
        max(value for way, value in draw["best"]["coverage@10"].items() if way.startswith("noise"))
        > max(value for way, value in draw["best"]["coverage@10"].items() if not way.startswith("noise"))
        for draws in record["systems"].values()
        for draw in draws
    )
    return [
        *lines,
        "",
        f"More coverage than every other way, for both lists and in every draw: {holds(ahead)}; for diversity"
        f" {most_diverse} is what to use. Full noise takes the served list from a coverage of"
        f" {mean(point['coverage@10'] for point in plain):.3f} to {mean(point['coverage@10'] for point in full):.3f}"
        f" and its NDCG@10 from {mean(point['ndcg@10'] for point in plain):.4f} to"
        f" {mean(point['ndcg@10'] for point in full):.4f}.",
    ]


COLD_SYSTEMS: Final = (
    "figment",
    "figment-fused",
    "figment-generator",
    "item-knn+content",
    "content-regression",
    "content-knn",
    "item-knn",
)
BEFORE_HABITS_AT: Final = "4fd3ae4"
BEFORE_HABITS: Final = {"online_retail": 0.2851 / 0.1830 - 1, "complete_journey": 0.2196 / 0.1563 - 1}
"""`git show 4fd3ae4:benchmarks/results/accuracy_….json`: NDCG@10 of `figment` over that of `figment-fused`."""
WITHOUT_LENGTH_AT: Final = "05873ea"
WITHOUT_LENGTH: Final = (
    " Content regression's figures are from before the length of what it expects was chosen: it may be stronger by now."
)
REMEDIES: Final = ("stronger-adversary", "more-positions", "lighter-mixture")
WAYS: Final = ("noise", "none", "MMR", "DPP", "seldom bought", "temperature")


def hidden_items(record: dict[str, Any]) -> list[str]:
    """Of the whole profile, not of an arm."""
    runs = [run["figures"]["systems"] for run in record["runs"]]
    rivals = ("content-regression", "content-knn")

    def ndcg(systems: dict[str, Any], name: str, group: str | None = None) -> float:
        return float((systems[name][group] if group else systems[name])["ndcg@10"])

    stands = all(
        ndcg(run, "figment") > ndcg(run, rival)
        and ndcg(run, "figment", "known_items") >= ndcg(run, rival, "known_items")
        for run in runs
        for rival in rivals
    )
    alike = {
        group: [ndcg(run, "figment-generator", group) / ndcg(run, "content-regression", group) - 1 for run in runs]
        for group in (None, "known_items")
    }
    stands_alike = min(*alike[None], *alike["known_items"]) >= 0
    lines = [
        "**(c) With a tenth of the items hidden from training, lists are ahead of content regression and content"
        f" neighbours over all items, without lowering the others: {holds(stands)} as served, and"
        f" {holds(stands_alike)} for the generator alone, which is content regression's like.** The whole profile,"
        f" `{record['command']}`, NDCG@10; the hidden items are the next ones of"
        f" {record['runs'][0]['figures']['systems']['figment']['new_items']['num_users']:,} shoppers;"
        f" {'one seed' if len(runs) == 1 else f'means over {len(runs)} seeds'}:",
        "",
        "| system | all | hidden items | the others |",
        "|---|---|---|---|",
    ]
    for name in COLD_SYSTEMS:
        cells = (mean(ndcg(run, name, group) for run in runs) for group in (None, "new_items", "known_items"))
        lines.append(f"| `{name}` | " + " | ".join(f"{cell:.4f}" for cell in cells) + " |")
    of_before = WITHOUT_LENGTH if any(run["revision"].startswith(WITHOUT_LENGTH_AT) for run in record["runs"]) else ""
    lost, had = (mean(ndcg(run, name, "new_items") for run in runs) for name in ("figment", "figment-fused"))
    return [
        *lines,
        "",
        "Content regression moves the features of the generator's items and lists through the index alone, so the"
        f" generator is its like: over all items {percent(alike[None])}, over the others"
        f" {percent(alike['known_items'])}.{of_before}"
        " What is ahead by far is ahead by neighbours and judge. Of the hidden items themselves the judge leaves"
        f" {lost / had:.0%} of what the list that it is given finds, though a quarter of the lists that it learned from"
        " had newcomers. What explains it, by one trial (decision 5): their generator was trained with those newcomers,"
        " as it is not with items that are really hidden. The profile `fast` of a request does without a judge.",
    ]


def realism(runs: list[Run]) -> list[str]:
    full = of(runs, "full")
    stands = all(
        run["realism"]["coverage"] >= 0.8
        and run["realism"]["recall"] >= 0.7
        and run["realism"]["coverage"] > other["realism"]["coverage"]
        for run, other in zip(full, of(runs, "no-critic"), strict=True)
    )
    tried = [name for name in ("no-mismatched-pairs", *REMEDIES) if of(runs, name)]
    recalls = {name: mean(run["realism"]["recall"] for run in of(runs, name)) for name in ("full", *tried)}
    nearest = max(recalls, key=lambda name: recalls[name])
    told_of = {
        name: ", ".join(
            f"{measure} {told(runs, name, lambda run, measure=measure: run['realism'][measure], 3)}"
            for measure in ("precision", "recall", "density", "coverage")
        )
        for name in ("full", "no-critic", "placebo", *tried)
    }
    told_remedies = "; ".join(f"{name.replace('-', ' ')}: {told_of[name]}" for name in tried)
    told_nearest = f" Recall is highest with {nearest.replace('-', ' ')}." if nearest != "full" else ""
    remedies = ["", f"Other trainings: {told_remedies}.{told_nearest}"] if tried else []
    return [
        "**(d) Generated features lie where real ones do (k = 5, held-out users): coverage ≥ .8 and recall ≥ .7, ahead"
        f" of no D: {holds(stands)}.** With the critic {told_of['full']}; without {told_of['no-critic']}; with noise"
        f" instead {told_of['placebo']}.",
        *remedies,
    ]


def noise_used(runs: list[Run]) -> list[str]:
    names = ("hr@10 of the single guess", "hr of the best of 8 lists", "items in 8 lists", "hr of as many")
    single, best, items, as_many = (
        told(runs, "full", lambda run, name=name: run["noise"][name], 1 if "items" in name else 4) for name in names
    )
    full = of(runs, "full")
    spread_stands = all(run["noise"]["spread"] > 0 for run in full)
    best_stands = all(run["noise"][names[1]] > run["noise"][names[0]] for run in full)
    beats_depth = sum(run["noise"][names[1]] > run["noise"][names[3]] for run in full)
    spreads = {
        name: told(runs, name, lambda run: run["noise"]["spread"], 4) for name in ("full", "no-critic", "no-noise")
    }
    return [
        f"**(e) Noise moves the wish ({holds(spread_stands)}), and the best of eight lists finds more than the"
        f" single guess ({holds(best_stands)}).** Spread, in the items' own deviations: {spreads['full']} (without"
        f" critic {spreads['no-critic']}, noise never trained {spreads['no-noise']}). HR@10 of the single guess"
        f" {single}, of the best of eight {best}. The eight lists hold {items} different items; the single guess,"
        f" given as many places, finds {as_many}: eight wishes are better than one longer list in {beats_depth} of"
        f" {len(full)} seeds.",
    ]


def what_the_critic_brings(runs: list[Run]) -> list[str]:
    """Training against the critic, beside the same training without one."""
    both = list(zip(of(runs, "full"), of(runs, "no-critic"), strict=True))
    judged, generated = (
        [arm(full, name) / arm(without, name) - 1 for full, without in both] for name in ("judged", "generator")
    )
    coverage, recall = (
        f"{mean(without['realism'][name] for _, without in both):.2f} to"
        f" {mean(full['realism'][name] for full, _ in both):.2f}"
        for name in ("coverage", "recall")
    )
    shuffled = [
        arm(run, "generator") / arm(full, "generator") - 1
        for run, full in zip(of(runs, "shuffled-histories"), of(runs, "full"), strict=True)
    ]
    no_teacher = [
        arm(run, "judged") / arm(full, "judged") - 1
        for run, full in zip(of(runs, "not-distilled"), of(runs, "full"), strict=True)
    ]
    return [
        f"**What the critic brings.** To the judged list {percent(judged)} of NDCG@10, to the generator's own"
        f" {percent(generated)}: for accuracy the judge counts, and the critic is one voice among its evidence."
        f" It brings generated features to where real ones lie: coverage from {coverage}, recall from {recall}."
        f" With histories shuffled among the shoppers that it is shown the generator changes by {percent(shuffled)}"
        + (
            ": what it takes from the critic hardly depends on whose history it is."
            if max(map(abs, shuffled)) < HARDLY
            else "."
        ),
        "",
        f"**What the teacher brings.** Without it the generator alone finds less (below), and the judged list"
        f" {percent(no_teacher)}: the judge has from its evidence what the teacher would have taught. The teacher is a"
        " judge over neighbours alone, of before there is a generator. Verdicts of the judge that serves are not taught"
        " back: at each shopper's last event that found no more (decision 8, by hand), and at earlier ones it was not"
        " tried, where a judge of one half of the shoppers would have to teach the generator of the other. So there is"
        " no arm without them.",
    ]


def what_else(runs: list[Run]) -> list[str]:
    def against_full(training: str) -> str:
        changes = [
            arm(run, "generator") / arm(full, "generator") - 1
            for run, full in zip(of(runs, training), of(runs, "full"), strict=True)
        ]
        return percent(changes)

    return [
        "Generator alone, NDCG@10 against the full training: "
        + "; ".join(
            f"{name} {against_full(training)}"
            for name, training in (
                ("no noise and no D", "no-noise"),
                ("noise, no D", "no-critic"),
                ("no teacher", "not-distilled"),
                ("shuffled histories", "shuffled-histories"),
                ("placebo", "placebo"),
                ("no penalties", "no-penalties"),
                ("no mismatched pairs", "no-mismatched-pairs"),
                *((name.replace("-", " "), name) for name in REMEDIES if of(runs, name)),
            )
        )
        + ".",
    ]


def told_seeds(seeds: list[int]) -> str:
    if len(seeds) == 1:
        return f"Seed {seeds[0]} alone so far: differences of a few per cent are directions and no proof."
    return f"Seeds {', '.join(map(str, seeds))}; values are means over them ± their deviation."


def of(runs: list[Run], training: str) -> list[Run]:
    return sorted((run for run in runs if run["training"] == training), key=lambda run: run["seed"])


def arm(run: Run, name: str) -> float:
    return float(run["arms"][name]["ndcg@10"])


def told(runs: list[Run], training: str, value: Callable[[Run], float], digits: int = 4) -> str:
    values = [value(run) for run in of(runs, training)]
    shown = f"{mean(values):.{digits}f}"
    return f"{shown} ± {stdev(values):.{digits}f}" if len(values) > 1 else shown


def percent(shares: Iterable[float]) -> str:
    """Mean, lowest and highest, where there are several."""
    shares = list(shares)
    if len(shares) == 1:
        return f"{shares[0]:+.1%}"
    return f"{mean(shares):+.1%} ({min(shares):+.1%} to {max(shares):+.1%})"


def holds(stands: bool) -> str:
    return "holds" if stands else "fails"


if __name__ == "__main__":
    main()
