"""Train on a dataset seed after seed, measure every system on its held-out events, and record what it took.

    python benchmarks/accuracy.py --dataset DIR --json benchmarks/results/accuracy_NAME.json

Runs `figment train` and `figment evaluate` as anybody would; where lists keep what was had, also with `--first-time`.
Each finished seed is a file in the folder that a second start skips, whatever the code is by then: it says of which
revision its bundle is, and when and where it was measured.
"""

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from record import circumstances, hardware
from runs import figment, finished

PACKAGES = ["torch", "numpy", "faiss-cpu", "onnxruntime", "scipy", "polars"]
SUMMARISED = ("ndcg@10", "hr@10", "coverage@10", "ild@10")


def main() -> int:
    arguments = _arguments()
    kind = f"-{arguments.split}" if arguments.split else ""
    folder = arguments.folder or Path("var/accuracy") / f"{arguments.dataset.name}-{arguments.profile}{kind}"
    runs = []
    for seed in arguments.seeds:
        runs.append(finished(folder / f"seed-{seed}.json", lambda seed=seed: measured(arguments, folder, seed)))
        figures = runs[-1]["figures"]["systems"]["figment"]
        print(f"seed {seed}: figment NDCG@10 {figures['ndcg@10']:.4f}, HR@10 {figures['hr@10']:.4f}", flush=True)
    result = {
        "what": f"accuracy on {runs[0]['figures']['dataset']}",
        **circumstances(PACKAGES),
        "over_seeds": over_seeds(runs),
        "runs": runs,
    }
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0


def measured(arguments: argparse.Namespace, folder: Path, seed: int) -> dict[str, Any]:
    """One seed, from training to figures."""
    bundle = folder / "bundles" / f"seed-{seed}"
    if not bundle.exists():
        options = ["--profile", arguments.profile, "--seed", str(seed), "--resume"]
        options += ["--split", arguments.split] if arguments.split else []
        succeed("train", "--dataset", str(arguments.dataset), "--out", str(bundle), *options)
    asked = ["--bundle", str(bundle), *(["--systems", arguments.systems] if arguments.systems else [])]
    figures = evaluated(arguments.dataset, folder / f"seed-{seed}-figures.json", *asked)
    only_new = folder / f"seed-{seed}-first-time.json"
    manifest = json.loads((bundle / "manifest.json").read_text())
    metrics = manifest["metrics"]
    return {
        "seed": seed,
        "revision": manifest["git_revision"],
        "date": datetime.now(UTC).date().isoformat(),
        "hardware": hardware(),
        "training": {
            "cpu_seconds": metrics["training_cpu_seconds"],
            "peak_memory_gib": round(metrics["peak_memory_bytes"] / 2**30, 2),
            "resumed_steps": metrics["resumed_steps"],
            "incidents": metrics["incidents"],
        },
        "serves": manifest["serves"],
        "fusion": manifest["fusion"],
        "neighbours": manifest["neighbours"],
        "validation_ndcg@10": metrics["validation_ndcg@10"],
        "exploration": metrics["exploration"],
        "figures": figures,
        # where seen items are left out anyway, it would be the same once more
        **(
            {}
            if figures["seen_filtered"]
            else {"first_time": evaluated(arguments.dataset, only_new, *asked, "--first-time")}
        ),
    }


def evaluated(dataset: Path, file: Path, *options: str) -> dict[str, Any]:
    """What `figment evaluate` says; `file` keeps it."""
    succeed("evaluate", "--dataset", str(dataset), "--json", str(file), *options)
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def succeed(*arguments: str) -> None:
    """Run figment; exits with what it said where it fails."""
    status, told = figment(*arguments)
    if status != 0:
        sys.exit(f"figment {' '.join(arguments)} ended with {status}:\n{told[-2000:]}")


def over_seeds(runs: list[dict[str, Any]]) -> dict[str, dict[str, dict[str, float]]]:
    """System → metric → mean and deviation over seeds."""
    table: dict[str, dict[str, dict[str, float]]] = {}
    for system in runs[0]["figures"]["systems"]:
        rows = [run["figures"]["systems"][system] for run in runs]
        table[system] = {
            metric: {
                "mean": round(mean(row[metric] for row in rows), 5),
                "deviation": round(stdev(row[metric] for row in rows), 5) if len(rows) > 1 else 0.0,
            }
            for metric in SUMMARISED
            # diversity is absent where nothing is known of the items
            if all(metric in row for row in rows)
        }
    return table


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--profile", choices=["full", "quick"], default="full")
    parser.add_argument("--split", choices=["temporal", "leave-one-out", "cold-items"], help="as `figment train`'s")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--systems", help="as `figment evaluate --systems`; by default all that are cheap")
    parser.add_argument("--folder", type=Path, help="records and bundles of the runs; var/accuracy/… by default")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
