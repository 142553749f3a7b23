"""What the C library keeps of the memory that a service freed, and what it costs, by the number of its heaps.

    python benchmarks/heaps.py --dataset DIR --bundle BUNDLE --json benchmarks/results/heaps.json

The service of `serving.py`, started once for each number of heaps. Each of the loads of `memory.py` goes to one after
the other in short turns, because a machine that does other things too is not as fast at one time as at another. With
glibc alone.
"""

import argparse
import os
import time
from collections import defaultdict
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Final

from enlarged_bundle import enlarged_bundle
from load import SETTLE_SECONDS, Service
from memory import heavy_loads
from record import circumstances, keep
from serving import PACKAGES, figment_serving
from serving_bodies import Bodies, write_bodies

from app.runtime.heaps import GIVE_BACK_SECONDS

HEAPS: Final[Mapping[str, Mapping[str, str]]] = {
    "glibc's own number": {"MALLOC_ARENA_MAX": str(8 * (os.cpu_count() or 1))},
    "one, as the service sets it": {},
}
"""Variables that the service starts with."""
CALM_SECONDS: Final = 2 * GIVE_BACK_SECONDS


def main() -> None:
    arguments = _arguments()
    root = arguments.folder
    bundle = enlarged_bundle(arguments.bundle, arguments.items, root / "bundles")
    bodies = write_bodies(root / "bodies", arguments.bundle, arguments.dataset, arguments.items)
    with ExitStack() as running:
        services = {
            name: running.enter_context(figment_serving(bundle, bodies, root, variables=variables))[0]
            for name, variables in compared(arguments.before).items()
        }
        first = {name: round(service.anonymous_mib(), 1) for name, service in services.items()}
        loads = in_turns(services, bodies, arguments)
        after = {name: round(service.anonymous_mib(), 1) for name, service in services.items()}
        time.sleep(CALM_SECONDS)
        found = {
            name: {
                "anonymous at the first answer, MiB": first[name],
                "anonymous after all loads, MiB": after[name],
                f"anonymous {CALM_SECONDS:g} s later, MiB": round(service.anonymous_mib(), 1),
                "CPU µs a request": {load: round(median(turns)) for load, turns in loads[name].items()},
                "CPU µs a request, turn by turn": loads[name],
            }
            for name, service in services.items()
        }
    result = {
        "what": f"memory that the service keeps, by heaps of the C library, {arguments.items:,} items",
        **circumstances(PACKAGES),
        "heaps": found,
    }
    keep(result, arguments.json)


def compared(before: Path | None) -> dict[str, Mapping[str, str]]:
    """By name, the variables that a service starts with."""
    return {**({} if before is None else {"the code before": {"PYTHONPATH": str(before)}}), **HEAPS}


def in_turns(
    services: Mapping[str, Service], bodies: Bodies, arguments: argparse.Namespace
) -> dict[str, dict[str, list[float]]]:
    """Processor µs a request of each load, turn by turn, by service."""
    found: dict[str, dict[str, list[float]]] = {name: defaultdict(list) for name in services}
    for load, put_on in heavy_loads(bodies, arguments.seconds).items():
        for turn in range(arguments.turns):
            # there and back, so that none always comes after the same one
            for name in [*services][:: 1 if turn % 2 == 0 else -1]:
                found[name][load].append(put_on(services[name]).cpu_per_request)
                time.sleep(SETTLE_SECONDS)
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3, help="of each turn")
    parser.add_argument("--before", type=Path, help="a checkout of this repository to compare with")
    parser.add_argument("--folder", type=Path, default=Path("var/bench-serving"), help="for bundle, bodies and logs")
    parser.add_argument("--json", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
