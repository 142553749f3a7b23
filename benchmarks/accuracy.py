"""Train on a dataset, measure every system on its held-out events, and record what it took.

    python benchmarks/accuracy.py --dataset DIR --json benchmarks/results/NAME.json

Runs `figment train` and `figment evaluate` as anybody would; `--bundle` measures one that is already there.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from record import circumstances

FIGMENT = Path(sys.executable).with_name("figment")
PACKAGES = ["torch", "numpy", "faiss-cpu", "onnxruntime", "scipy", "polars"]


def main() -> int:
    arguments = _arguments()
    bundle = arguments.bundle or Path("var/bundles") / f"{arguments.dataset.name}-{arguments.profile}-{arguments.seed}"
    if not bundle.exists():
        options = ["--profile", arguments.profile, "--seed", str(arguments.seed)]
        run(["train", "--dataset", str(arguments.dataset), "--out", str(bundle), *options])
    figures = bundle.parent / f"{bundle.name}.figures.json"
    run(["evaluate", "--dataset", str(arguments.dataset), "--bundle", str(bundle), "--json", str(figures)])
    manifest = json.loads((bundle / "manifest.json").read_text())
    command = f"figment train --dataset {arguments.dataset.name} --profile {arguments.profile} --seed {arguments.seed}"
    result = {
        "what": f"accuracy on {manifest['dataset']['name']}",
        **circumstances(f"{command}; figment evaluate", PACKAGES),
        "training": {
            "cpu_seconds": manifest["metrics"]["training_cpu_seconds"],
            "peak_memory_gib": round(manifest["metrics"]["peak_memory_bytes"] / 2**30, 2),
        },
        "fusion": manifest["fusion"],
        "exploration": manifest["metrics"]["exploration"],
        "figures": json.loads(figures.read_text()),
    }
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0


def run(arguments: list[str]) -> None:
    subprocess.run([str(FIGMENT), *arguments], check=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--profile", choices=["full", "quick"], default="full")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--bundle", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
