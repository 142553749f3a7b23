"""Steady load for a long time, with the index swapped again and again: does memory grow, does anything fail?

    python benchmarks/soak.py --dataset DIR --bundle BUNDLE --minutes 30 --json benchmarks/results/soak.json

The service of `serving.py`. Its capacity is measured first; then as many connections as bring `--share` of it ask with
pauses in between, while an item with a new title is written every `--swap-seconds`, which makes a new index. Memory is
what belongs to the process alone (anonymous): pages of mapped files come and go as the system likes.
"""

import argparse
import json
import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any, Final

import httpx
from enlarged_bundle import enlarged_bundle
from load import Pace, Service, loaded
from record import circumstances, keep
from serving import PACKAGES, figment_serving
from serving_bodies import Bodies, write_bodies

CONNECTIONS: Final = 16
SETTLING: Final = 0.2
"""Share of the time after which memory counts: caches fill up first."""
UNSEEN_SWAPS: Final = 2
"""Writes at the end whose index may still be in the making."""
SWAPPED: Final = re.compile(r'^figment_index_swaps_total\{result="swapped"\} (\S+)$', re.MULTILINE)


@dataclass
class Swaps:
    """Writes an item every so often, whose title needs another index."""

    service: Service
    every_seconds: float
    written: int = 0
    failed: int = 0

    def until(self, is_over: threading.Event) -> None:
        while not is_over.wait(self.every_seconds):
            try:
                self.write()
            except httpx.HTTPError:
                self.failed += 1

    def write(self) -> None:
        """A new item with a title that is new."""
        self.written += 1
        document = {"title": f"a title of minute {self.written}", "brand": "soak"}
        self._ask("PUT", f"/v1/items/soak-{self.written}", document)

    def made(self) -> int:
        """How often another index took over, since the service began. A version tells less: prices change it too."""
        return int(sum(float(number) for number in SWAPPED.findall(self._ask("GET", "/metrics", None).text)))

    def _ask(self, method: str, path: str, body: Any) -> httpx.Response:
        address = self.service.url.partition("/v1/")[0]
        headers = {"Authorization": f"Bearer {self.service.key}"}
        return httpx.request(method, address + path, json=body, headers=headers, timeout=30).raise_for_status()


def growth(memory: Sequence[float], settling: float = SETTLING) -> float:
    """Of the last tenth over the first that counts: a leak that is steady shows by three quarters of all its growth."""
    settled = memory[int(settling * len(memory)) :]
    tenth = max(1, len(settled) // 10)
    return mean(settled[-tenth:]) / mean(settled[:tenth]) - 1


def soak(service: Service, bodies: Bodies, arguments: argparse.Namespace) -> dict[str, Any]:
    """What came of it."""
    file = bodies[arguments.profile]
    capacity = loaded(service, file, CONNECTIONS, arguments.capacity_seconds).requests_per_second
    swaps, is_over = Swaps(service, arguments.swap_seconds), threading.Event()
    made_before = swaps.made()
    swapping = threading.Thread(target=swaps.until, args=(is_over,))
    swapping.start()
    pace = Pace(service, file, CONNECTIONS, arguments.share * capacity)
    slices, end = [], time.monotonic() + 60 * arguments.minutes
    try:
        while time.monotonic() < end:
            slices.append(pace.next_slice(arguments.slice_seconds))
    finally:
        is_over.set()
        swapping.join()
    memory = [each.anonymous_mib for each in slices]
    return {
        "capacity, requests/s": capacity,
        "load, requests/s": round(mean(each.requests_per_second for each in slices), 1),
        "requests": sum(each.requests for each in slices),
        "errors": sum(each.errors for each in slices) + swaps.failed,
        "items written": swaps.written,
        "index swaps": swaps.made() - made_before,
        "anonymous MiB, slice by slice": memory,
        "growth from the first settled tenth to the last": round(growth(memory, arguments.settling), 4),
        "flat within": arguments.most_growth,
        "p99 µs, worst slice": max(each.p99 for each in slices),
    }


def failures(found: dict[str, Any]) -> list[str]:
    """What must not have come of it."""
    grown, swapped = found["growth from the first settled tenth to the last"], found["index swaps"]
    return [
        *(["errors"] if found["errors"] else []),
        *(["memory grows"] if grown > found["flat within"] else []),
        *(["the index was not swapped"] if swapped < max(1, found["items written"] - UNSEEN_SWAPS) else []),
    ]


def main() -> None:
    arguments = _arguments()
    bundle = enlarged_bundle(arguments.bundle, arguments.items, arguments.folder / "bundles")
    bodies = write_bodies(arguments.folder / "bodies", arguments.bundle, arguments.dataset, arguments.items)
    with figment_serving(bundle, bodies, arguments.folder, scopes=("recommend", "catalogue", "admin")) as (service, _):
        found = soak(service, bodies, arguments)
    result = {
        "what": f"{arguments.minutes:g} minutes at {arguments.share:.0%} of capacity, {arguments.items:,} items, "
        f"an item written every {arguments.swap_seconds:g} s",
        **circumstances(PACKAGES),
        **found,
    }
    keep(result, arguments.json)
    if failed := failures(found):
        raise SystemExit(f"the soak failed: {', '.join(failed)}")
    print(json.dumps({"soak": "passed"}))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--share", type=float, default=0.7, help="of capacity")
    parser.add_argument("--profile", default="balanced")
    parser.add_argument("--most-growth", type=float, default=0.05, help="of memory, from tenth to tenth")
    parser.add_argument("--settling", type=float, default=SETTLING, help="share of the time after which memory counts")
    parser.add_argument("--swap-seconds", type=float, default=60)
    parser.add_argument("--slice-seconds", type=float, default=20, help="memory and errors are noted after each")
    parser.add_argument("--capacity-seconds", type=float, default=10)
    parser.add_argument("--folder", type=Path, default=Path("var/bench-serving"), help="for bundle, bodies and logs")
    parser.add_argument("--json", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
