"""What a service holds in memory by the size of its catalogue, and how good a line through two sizes is for a third.

    python benchmarks/memory.py --dataset DIR --bundle BUNDLE --json benchmarks/results/memory.json

The service of `serving.py`, started for each of `--items`, smallest first, and busy for a while with plain lists, with
histories of fifty events, with rules, and with batches of 64: what it holds at its first answer, and after all that,
because memory that a large call needed may stay with the process. *Anonymous* is what belongs to the process alone;
the rest are pages of mapped files.

The text encoder is in none of this: the first search or the first write to the catalogue loads it. With `--texts-alone`
what that brings is measured instead, in a service that has answered once, a search and then a write; and so is the
encoder by itself, in a process that does nothing else.
"""

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import psutil
from enlarged_bundle import enlarged_bundle
from load import Measured, Service, loaded
from record import circumstances, keep
from serving import PACKAGES, figment_serving
from serving_bodies import FULL_LENGTH, Bodies, write_bodies
from soak import Swaps

from models.bundle.manifest import read_manifest
from models.bundle.read import open_text_encoder

LOADS: Final = ("fast", "balanced", f"balanced, {FULL_LENGTH} events", "balanced, rules")
BATCHES: Final = "balanced, batch"
CONCURRENCY: Final = 64
BATCHES_AT_ONCE: Final = 4
KIB_PER_MIB: Final = 1024
QUERY: Final = "a small gift for the kitchen"
LOOK_SECONDS: Final = 0.2
NOW: Final = "now"


def main() -> None:
    arguments = _arguments()
    if arguments.texts_alone:
        keep(texts_alone(arguments), arguments.json)
        return
    sizes = {num_items: measured(arguments, num_items) for num_items in sorted(arguments.items)}
    result = {
        "what": f"memory of the service by items, made from {arguments.bundle.name}",
        **circumstances(PACKAGES),
        "sizes": {f"{num_items:,} items": each for num_items, each in sizes.items()},
        "anonymous at work": line_through({number: each["anonymous at work, MiB"] for number, each in sizes.items()}),
    }
    keep(result, arguments.json)
    if failed := [f"{num_items:,}" for num_items, each in sizes.items() if each["errors"]]:
        raise SystemExit(f"requests failed with items: {', '.join(failed)}")


def texts_alone(arguments: argparse.Namespace) -> dict[str, Any]:
    """What the text encoder brings, without the loads."""
    root, sizes = arguments.folder, {}
    for num_items in sorted(arguments.items):
        bundle = enlarged_bundle(arguments.bundle, num_items, root / "bundles")
        bodies = write_bodies(root / f"bodies-{num_items}", arguments.bundle, arguments.dataset, num_items)
        sizes[f"{num_items:,} items"] = more_with_texts(bundle, bodies, root)
    return {
        "what": f"memory that searches and writes add to a service, made from {arguments.bundle.name}",
        **circumstances(PACKAGES),
        "text encoder": in_a_process_of_its_own(encoder_alone, arguments.bundle),
        "sizes": sizes,
    }


def measured(arguments: argparse.Namespace, num_items: int) -> dict[str, Any]:
    """One size of catalogue."""
    root = arguments.folder
    bundle = enlarged_bundle(arguments.bundle, num_items, root / "bundles")
    bodies = write_bodies(root / f"bodies-{num_items}", arguments.bundle, arguments.dataset, num_items)
    with figment_serving(bundle, bodies, root) as (service, seconds):
        first = held(service, "at the first answer")
        loads = [put_on(service) for put_on in heavy_loads(bodies, arguments.seconds).values()]
        at_work = held(service, "at work")
    return {
        "seconds until the first answer": round(seconds, 2),
        **first,
        **at_work,
        "requests": sum(load.requests for load in loads),
        "errors": sum(load.errors for load in loads),
        "files of the bundle, MiB": round(sum(file.stat().st_size for file in _files(bundle)) / 2**20, 1),
    }


def more_with_texts(bundle: Path, bodies: Bodies, logs: Path) -> dict[str, float]:
    """By the first search of a service, and by the first write after that."""
    with figment_serving(bundle, bodies, logs, scopes=("recommend", "catalogue", "admin")) as (service, _):
        before = held(service, NOW)
        search = {**json.loads(bodies.first("fast")), "query": QUERY}
        Service(service.url.replace("recommendations", "search"), service.process, service.key).post(
            json.dumps(search).encode()
        ).raise_for_status()
        searched = held(service, NOW)
        swaps = Swaps(service, every_seconds=0)
        swaps.write()
        while not swaps.made():
            time.sleep(LOOK_SECONDS)
        return {
            **_more(before, searched, "by a search"),
            **_more(searched, held(service, NOW), "by a write after that"),
        }


def in_a_process_of_its_own(measure: Callable[[Path], dict[str, float]], bundle: Path) -> dict[str, float]:
    """What it measures there."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:
        return fresh.submit(measure, bundle).result()


def encoder_alone(bundle: Path) -> dict[str, float]:
    """More than the process had that has just imported what opens it; for a process of its own."""
    process = psutil.Process()
    before = held(Service("", process), NOW)
    encoder = open_text_encoder(bundle, read_manifest(bundle), threads=1)
    encoder.embed([QUERY])
    return _more(before, held(Service("", process), NOW), "by the encoder alone")


def heavy_loads(bodies: Bodies, seconds: float) -> dict[str, Callable[[Service], Measured]]:
    """By name, what puts each on a service for so long."""

    def lists(service: Service, name: str) -> Measured:
        return loaded(service, bodies[name], CONCURRENCY, seconds)

    def batches(service: Service) -> Measured:
        service = Service(f"{service.url}:batch", service.process, service.key)
        return loaded(service, bodies[BATCHES], BATCHES_AT_ONCE, seconds)

    return {**{name: partial(lists, name=name) for name in LOADS}, BATCHES: batches}


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


def held(service: Service, when: str) -> dict[str, float]:
    """Memory now, of which what is the process's own."""
    return {
        f"RSS {when}, MiB": round(service.rss_mib(), 1),
        f"anonymous {when}, MiB": round(service.anonymous_mib(), 1),
    }


def _more(before: Mapping[str, float], after: Mapping[str, float], by: str) -> dict[str, float]:
    return {f"{name.removesuffix(f' {NOW}, MiB')} {by}, MiB": round(after[name] - before[name], 1) for name in before}


def _files(bundle: Path) -> Sequence[Path]:
    return [path for path in bundle.rglob("*") if path.is_file()]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--items", type=int, nargs="+", default=[10_000, 100_000, 1_000_000], help="three sizes")
    parser.add_argument("--seconds", type=float, default=10, help="of each load")
    parser.add_argument("--texts-alone", action="store_true", help="what the text encoder brings")
    parser.add_argument("--folder", type=Path, default=Path("var/bench-serving"), help="for bundles, bodies and logs")
    parser.add_argument("--json", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
