"""Steady load for a long time, with the index swapped again and again: does memory grow, does anything fail?

    python benchmarks/soak.py --dataset DIR --bundle BUNDLE --minutes 30 --json benchmarks/results/soak.json

The service of `serving.py`. Its capacity is measured first; then as many connections as bring `--share` of it ask with
pauses in between, while an item with a new title is written every `--swap-seconds`, which makes a new index. Memory is
what belongs to the process alone (anonymous): pages of mapped files come and go as the system likes.
"""

import argparse
import json
import threading
import time
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


@dataclass
class Swaps:
    """Writes an item every so often, and sees it come into the index."""

    service: Service
    every_seconds: float
    written: int = 0
    versions: int = 0
    failed: int = 0

    def until(self, is_over: threading.Event) -> None:
        seen = ""
        while not is_over.wait(self.every_seconds):
            self.written += 1
            document = {"title": f"a title of minute {self.written}", "brand": "soak"}
            try:
                self._ask("PUT", f"/v1/items/soak-{self.written % 10}", document)
                version = self._ask("GET", "/v1/model", None)["index_version"]
            except (httpx.HTTPError, KeyError):
                self.failed += 1
                continue
            self.versions += version != seen
            seen = version

    def _ask(self, method: str, path: str, body: Any) -> Any:
        address = self.service.url.partition("/v1/")[0]
        headers = {"Authorization": f"Bearer {self.service.key}"}
        answer = httpx.request(method, address + path, json=body, headers=headers, timeout=30)
        return answer.raise_for_status().json() if answer.content else answer.raise_for_status()


def soak(service: Service, bodies: Bodies, arguments: argparse.Namespace) -> dict[str, Any]:
    """What came of it."""
    file = bodies[arguments.profile]
    capacity = loaded(service, file, CONNECTIONS, arguments.capacity_seconds).requests_per_second
    swaps, is_over = Swaps(service, arguments.swap_seconds), threading.Event()
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
    settled = slices[int(SETTLING * len(slices)) :]
    half = max(1, len(settled) // 2)
    first, last = (mean(each.anonymous_mib for each in part) for part in (settled[:half], settled[-half:]))
    return {
        "capacity, requests/s": capacity,
        "load, requests/s": round(mean(each.requests_per_second for each in slices), 1),
        "requests": sum(each.requests for each in slices),
        "errors": sum(each.errors for each in slices) + swaps.failed,
        "items written": swaps.written,
        "index versions seen": swaps.versions,
        "anonymous MiB, slice by slice": [each.anonymous_mib for each in slices],
        "growth from the first half to the second": round(last / first - 1, 4),
        "flat within": arguments.most_growth,
        "p99 µs, worst slice": max(each.p99 for each in slices),
    }


def main() -> None:
    arguments = _arguments()
    bundle = enlarged_bundle(arguments.bundle, arguments.items, arguments.folder / "bundles")
    bodies = write_bodies(arguments.folder / "bodies", arguments.bundle, arguments.dataset, arguments.items)
    with figment_serving(bundle, bodies, arguments.folder, scopes=("recommend", "catalogue", "admin")) as (service, _):
        found = soak(service, bodies, arguments)
    command = f"python benchmarks/soak.py --dataset {arguments.dataset.name} --bundle … --minutes {arguments.minutes:g}"
    result = {
        "what": f"{arguments.minutes:g} minutes at {arguments.share:.0%} of capacity, {arguments.items:,} items, "
        f"an item written every {arguments.swap_seconds:g} s",
        **circumstances(command, PACKAGES),
        **found,
    }
    keep(result, arguments.json)
    failures = [
        *(["errors"] if found["errors"] else []),
        *(["memory grows"] if found["growth from the first half to the second"] > arguments.most_growth else []),
        *(["the index was never swapped"] if found["index versions seen"] < 1 else []),
    ]
    if failures:
        raise SystemExit(f"the soak failed: {', '.join(failures)}")
    print(json.dumps({"soak": "passed"}))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--share", type=float, default=0.7, help="of capacity")
    parser.add_argument("--profile", default="balanced")
    parser.add_argument("--most-growth", type=float, default=0.05, help="of memory, from the first half to the second")
    parser.add_argument("--swap-seconds", type=float, default=60)
    parser.add_argument("--slice-seconds", type=float, default=20, help="memory and errors are noted after each")
    parser.add_argument("--capacity-seconds", type=float, default=10)
    parser.add_argument("--folder", type=Path, default=Path("var/bench-serving"), help="for bundle, bodies and logs")
    parser.add_argument("--json", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
