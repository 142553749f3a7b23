"""What a service holds in memory by the size of its catalogue, and how good a line through two sizes is for a third.

    python benchmarks/memory.py --dataset DIR --bundle BUNDLE --json benchmarks/results/memory.json

The service of `serving.py`, started for each of `--items`, smallest first, and busy for a while with plain lists, with
histories of fifty events, with rules, and with batches of 64: what it holds at its first answer, and after all that,
because memory that a large call needed may stay with the process. *Anonymous* is what belongs to the process alone;
the rest are pages of mapped files.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from enlarged_bundle import enlarged_bundle
from load import Service, loaded
from record import circumstances, keep
from serving import PACKAGES, figment_serving
from serving_bodies import FULL_LENGTH, write_bodies

LOADS: Final = ("fast", "balanced", f"balanced, {FULL_LENGTH} events", "balanced, rules")
CONCURRENCY: Final = 64
BATCHES_AT_ONCE: Final = 4
KIB_PER_MIB: Final = 1024


def main() -> None:
    arguments = _arguments()
    sizes = {num_items: measured(arguments, num_items) for num_items in sorted(arguments.items)}
    command = f"python benchmarks/memory.py --dataset {arguments.dataset.name} --bundle …"
    result = {
        "what": f"memory of the service by items, made from {arguments.bundle.name}",
        **circumstances(command, PACKAGES),
        "sizes": {f"{num_items:,} items": each for num_items, each in sizes.items()},
        "anonymous at work": line_through({number: each["anonymous at work, MiB"] for number, each in sizes.items()}),
    }
    keep(result, arguments.json)


def measured(arguments: argparse.Namespace, num_items: int) -> dict[str, Any]:
    """One size of catalogue."""
    root = arguments.folder
    bundle = enlarged_bundle(arguments.bundle, num_items, root / "bundles")
    bodies = write_bodies(root / f"bodies-{num_items}", arguments.bundle, arguments.dataset, num_items)
    with figment_serving(bundle, bodies, root) as (service, seconds):
        first = _held(service, "at the first answer")
        loads = [loaded(service, bodies[asked], CONCURRENCY, arguments.seconds) for asked in LOADS]
        batches = Service(f"{service.url}:batch", service.process, service.key)
        loads.append(loaded(batches, bodies["balanced, batch"], BATCHES_AT_ONCE, arguments.seconds))
        return {
            "seconds until the first answer": round(seconds, 2),
            **first,
            **_held(service, "at work"),
            "requests": sum(load.requests for load in loads),
            "errors": sum(load.errors for load in loads),
            "files of the bundle, MiB": round(sum(file.stat().st_size for file in _files(bundle)) / 2**20, 1),
        }


def line_through(mib: dict[int, float]) -> dict[str, float]:
    """Through the two smallest sizes, and what it says of the largest."""
    (few, low), (more, high), *_, (most, found) = mib.items()
    slope = (high - low) / (more - few)
    base = low - slope * few
    return {
        "MiB without items": round(base, 1),
        "KiB an item": round(slope * KIB_PER_MIB, 3),
        f"MiB of {most:,} items by it": round(base + slope * most, 1),
        f"MiB of {most:,} items measured": found,
    }


def _held(service: Service, when: str) -> dict[str, float]:
    return {
        f"RSS {when}, MiB": round(service.rss_mib(), 1),
        f"anonymous {when}, MiB": round(service.anonymous_mib(), 1),
    }


def _files(bundle: Path) -> Sequence[Path]:
    return [path for path in bundle.rglob("*") if path.is_file()]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--items", type=int, nargs="+", default=[10_000, 100_000, 1_000_000], help="three sizes")
    parser.add_argument("--seconds", type=float, default=10, help="of each load")
    parser.add_argument("--folder", type=Path, default=Path("var/bench-serving"), help="for bundles, bodies and logs")
    parser.add_argument("--json", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
