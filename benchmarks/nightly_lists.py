"""Lists for every shopper of an events file by `--engine ray`, with one process and with two; and by one without Ray.

    python benchmarks/nightly_lists.py --bundle BUNDLE --events FILE --json benchmarks/results/nightly_lists.json

`users_a_second` leaves the start out: of all parts but the first, from the moment that the first was written to the
last. Processor time, of the run without Ray, says what a list costs where other work holds the cores. The lists of all
runs are compared.
"""

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import polars as pl
from record import circumstances, keep

PACKAGES: Final = ["ray", "onnxruntime", "polars", "faiss-cpu"]
K: Final = 10


def main() -> None:
    arguments = _arguments()
    with TemporaryDirectory() as folder:
        alone_file, runs = Path(folder) / "alone.parquet", {}
        started = time.monotonic()
        recommend(arguments, alone_file, "--engine", "local")
        seconds = time.monotonic() - started
        spent = resource.getrusage(resource.RUSAGE_CHILDREN)  # nothing else was started yet
        alone = pl.read_parquet(alone_file).sort("user_id", "rank")
        num_users = alone["user_id"].n_unique()
        for workers in arguments.workers:
            out = Path(folder) / str(workers)
            runs[workers] = by_ray(arguments, out, workers, alone)
            print(workers, runs[workers], flush=True)
    result = {
        "what": f"lists of {K} for {num_users:,} shoppers of {arguments.events.parent.name}/{arguments.events.name}",
        **circumstances(PACKAGES),
        "without ray": {
            "seconds": round(seconds, 1),
            "processor_seconds": round(spent.ru_utime + spent.ru_stime, 1),
            "users_a_second_with_the_start": round(num_users / seconds, 1),
        },
        "processes": runs,
    }
    keep(result, arguments.json)


def by_ray(arguments: argparse.Namespace, out: Path, workers: int, alone: pl.DataFrame) -> dict[str, Any]:
    started = time.monotonic()
    recommend(arguments, out, "--engine", "ray", "--workers", str(workers))
    seconds = time.monotonic() - started
    parts = sorted(out.glob("part-*.parquet"), key=lambda part: part.stat().st_mtime_ns)
    users = [pl.read_parquet(part)["user_id"].n_unique() for part in parts]
    made = parts[-1].stat().st_mtime - parts[0].stat().st_mtime
    lists = pl.read_parquet(out / "part-*.parquet").sort("user_id", "rank")
    return {
        "seconds": round(seconds, 1),
        "users_a_second": round(sum(users[1:]) / made, 1),
        "parts": len(parts),
        "items_as_without_ray": round(float((lists["item_id"] == alone["item_id"]).mean() or 0.0), 5),
    }


def recommend(arguments: argparse.Namespace, out: Path, *options: str) -> None:
    command = [sys.executable, "-m", "app.cli", "recommend", "--bundle", str(arguments.bundle), "--k", str(K)]
    subprocess.run([*command, "--events", str(arguments.events), "--out", str(out), *options], check=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--events", type=Path, required=True)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--json", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
