"""Measure systems that need no bundle on a dataset's held-out events, and record what it took.

    python benchmarks/rivals.py --dataset DIR --systems sasrec,sasrec+item-knn --json results/rivals_NAME.json

Runs `figment evaluate` as anybody would, with the full profile's settings and seed 0, on the split of `accuracy.py`. A
finished run is a file in var/rivals that a second start skips.
"""

import argparse
import json
import resource
import sys
from pathlib import Path
from typing import Any

from accuracy import PACKAGES, over_seeds
from record import circumstances
from runs import figment, finished

from models.pipeline.fill_bundle import git_revision


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--systems", required=True, help="as `figment evaluate --systems`")
    parser.add_argument("--json", type=Path, required=True)
    arguments = parser.parse_args()
    file = Path("var/rivals") / f"{arguments.dataset.name}-{arguments.systems.replace(',', '-')}.json"
    run = finished(file, lambda: measured(arguments))
    command = f"python benchmarks/rivals.py --dataset {arguments.dataset.name} --systems {arguments.systems}"
    result = {
        "what": f"rivals on {run['figures']['dataset']}",
        **circumstances(command, PACKAGES),
        "over_seeds": over_seeds([run]),
        "runs": [run],
    }
    arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0


def measured(arguments: argparse.Namespace) -> dict[str, Any]:
    """What the systems find, and what that took."""
    figures = arguments.json.with_suffix(".figures")
    options = ["--dataset", str(arguments.dataset), "--systems", arguments.systems, "--json", str(figures)]
    status, told = figment("evaluate", *options)
    if status != 0:
        sys.exit(f"figment evaluate ended with {status}:\n{told[-2000:]}")
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = json.loads(figures.read_text())
    figures.unlink()
    return {
        "seed": 0,
        "revision": git_revision(),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_memory_gib": round(usage.ru_maxrss / 2**20, 2),
        "figures": found,
    }


if __name__ == "__main__":
    sys.exit(main())
