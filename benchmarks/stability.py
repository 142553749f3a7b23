"""Train seed after seed and record how each run ended: sealed and sound, failed with a message, or a bad bundle.

    python benchmarks/stability.py --dataset DIR --folder var/stability/NAME --json benchmarks/results/NAME.json

A run is bad if it seals a bundle that does not verify, or whose `figment` finds less (NDCG@10) than the bundle's own
neighbours, which need no network, or more than 15 % less than the median of all runs: networks that have collapsed must
not be hidden by a list that serves in their place.
Each finished run is a file that a second start skips, in a folder beside the result, named like it; so processes that
each train some `--seeds` share the work, none of them twice at once, and a start with all joins it. Texts are embedded
by the first run alone. Nothing else is shared: where times are real, a seed also draws the order inside of baskets, and
with it neighbours and teacher.
Exit code 1 if any run is bad.
"""

import argparse
import json
import shutil
import sys
import time
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

from record import circumstances
from runs import figment, finished

from models.pipeline.fill_bundle import git_revision
from models.pipeline.train import TrainOptions

PACKAGES = ["torch", "numpy"]
METRIC = "ndcg@10"
LEAST_OF_MEDIAN = 0.85


def main() -> int:
    arguments = _arguments()
    runs = [finished_run(arguments, seed) for seed in arguments.seeds]
    result = {
        "what": f"stability of the {arguments.profile} profile on {arguments.dataset.name}",
        **circumstances(PACKAGES),
        **summary(runs),
        "runs": runs,
    }
    arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps({key: value for key, value in result.items() if key != "runs"}, indent=1))
    return int(result["bad"] > 0)


def finished_run(arguments: argparse.Namespace, seed: int) -> dict[str, Any]:
    """The record of one seed; trained now unless its file is there."""
    found = finished(arguments.json.with_suffix("") / f"seed-{seed}.json", lambda: trained_run(arguments, seed))
    print(f"seed {seed}: {found['ended']}, {len(found['incidents'])} roll-backs", flush=True)
    return found


def trained_run(arguments: argparse.Namespace, seed: int) -> dict[str, Any]:
    bundle = arguments.folder / "bundles" / f"seed-{seed}"
    options = TrainOptions(dataset=arguments.dataset, out=bundle)
    # a bundle without its record is of a start that was killed between the two
    shutil.rmtree(bundle, ignore_errors=True)
    command = ["train", "--dataset", str(arguments.dataset), "--out", str(bundle), "--resume"]
    started = time.monotonic()
    status, told = figment(*command, "--profile", arguments.profile, "--seed", str(seed))
    seconds = round(time.monotonic() - started, 1)
    incidents = [
        {"fit": facts.parent.name, **incident}
        for facts in sorted(options.checkpoints.glob("*/facts.json"))
        for incident in json.loads(facts.read_text())["incidents"]
    ]
    record = {"seed": seed, "revision": git_revision(), "seconds": seconds, "incidents": incidents}
    if status != 0:
        return {**record, "ended": "failed with a message", "message": told[-2000:], "scoreboard": {}}
    manifest = json.loads((bundle / "manifest.json").read_text())
    status, told = figment("bundle", "verify", str(bundle))
    board = manifest["scoreboard"]
    is_sound = status == 0 and board["figment"][METRIC] >= board["item-knn+content"][METRIC]
    ended = "sealed and sound" if is_sound else "bad bundle"
    if not arguments.keep_bundles and is_sound:
        shutil.rmtree(bundle)
    return {
        **record,
        "ended": ended,
        "message": told if status else "",
        "serves": manifest["serves"],
        "scoreboard": board,
    }


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """How many ended how, and the spread of what they serve."""
    served = [run["scoreboard"][run["serves"]][METRIC] for run in runs if run["scoreboard"]]
    found = [run["scoreboard"]["figment"][METRIC] for run in runs if run["scoreboard"]]
    fallen = {
        run["seed"]
        for run in runs
        if run["scoreboard"] and run["scoreboard"]["figment"][METRIC] < LEAST_OF_MEDIAN * median(found)
    }
    bad = fallen | {run["seed"] for run in runs if run["ended"] == "bad bundle"}
    return {
        "sound": sum(run["ended"] == "sealed and sound" and run["seed"] not in bad for run in runs),
        "failed_with_a_message": sum(run["ended"] == "failed with a message" for run in runs),
        "bad": len(bad),
        "roll_backs": sum(len(run["incidents"]) for run in runs),
        METRIC: {
            "mean": round(mean(served), 5),
            "deviation": round(stdev(served), 5) if len(served) > 1 else 0.0,
            "lowest": round(min(served), 5),
            "highest": round(max(served), 5),
        }
        if served
        else {},
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(1, 21)))
    parser.add_argument("--profile", choices=["full", "quick"], default="quick")
    parser.add_argument("--folder", type=Path, required=True, help="bundles, while they are trained")
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--keep-bundles", action="store_true", help="do not remove bundles that are sound")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
