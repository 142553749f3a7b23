"""Measure systems that need no bundle on a dataset's held-out events, and record what it took.

    python benchmarks/rivals.py --dataset DIR --systems sasrec,sasrec+item-knn --json benchmarks/results/NAME.json

Runs `figment evaluate` as anybody would, on the split of `accuracy.py`; alone with seed 0 and the full profile's
settings, beside a bundle with its seed and those of its profile.
`--bundles`, such as accuracy.py leaves: for each a run on its split beside its `figment`, over the same shoppers, so
that the record says by how much one is ahead and whether that is more than chance. `--first-time` also measures lists
without what was had, which trains all once more. A finished run is a file in var/rivals that a second start skips; it
belongs to one bundle, by the digest of its manifest.
"""

import argparse
import hashlib
import json
import resource
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from accuracy import PACKAGES, evaluated, over_seeds
from record import circumstances, hardware
from runs import finished

from models.bundle.layout import MANIFEST
from models.bundle.manifest import read_manifest
from models.pipeline.fill_bundle import git_revision


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--systems", required=True, help="as `figment evaluate --systems`")
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--bundles", type=Path, nargs="*", default=[])
    parser.add_argument("--first-time", action="store_true", help="where lists keep what was had")
    arguments = parser.parse_args()
    kind = "-first-time" if arguments.first_time else ""
    folder = Path("var/rivals") / f"{arguments.dataset.name}-{arguments.systems.replace(',', '-')}{kind}"
    runs = [
        finished(folder / f"{_name_of(bundle)}.json", lambda bundle=bundle: measured(arguments, bundle))
        for bundle in arguments.bundles or [None]
    ]
    result = {
        "what": f"rivals on {runs[0]['figures']['dataset']}",
        **circumstances(PACKAGES),
        "over_seeds": over_seeds(runs),
        "runs": runs,
    }
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0


def _name_of(bundle: Path | None) -> str:
    if bundle is None:
        return "alone"
    return f"{bundle.name}-{hashlib.sha256((bundle / MANIFEST).read_bytes()).hexdigest()[:8]}"


def measured(arguments: argparse.Namespace, bundle: Path | None) -> dict[str, Any]:
    """What the systems find, and what that took."""
    beside, seed, asked = {}, 0, ["--systems", arguments.systems]
    if bundle:
        manifest = read_manifest(bundle)
        beside = {"beside": bundle.name, "revision of the bundle": manifest.git_revision}
        seed = int(manifest.split["seed"])
        asked = ["--systems", f"figment,{arguments.systems}", "--bundle", str(bundle)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "figures.json"
        figures = evaluated(arguments.dataset, file, *asked)
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        only_new = arguments.first_time and evaluated(arguments.dataset, file, *asked, "--first-time")
    cpu_seconds = usage.ru_utime + usage.ru_stime - before.ru_utime - before.ru_stime
    return {
        "seed": seed,
        **beside,
        "revision": git_revision(),
        "date": datetime.now(UTC).date().isoformat(),
        "hardware": hardware(),
        "cpu_seconds": round(cpu_seconds, 1),
        "figures": figures,
        **({"first_time": only_new} if only_new else {}),
    }


if __name__ == "__main__":
    sys.exit(main())
