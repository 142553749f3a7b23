"""How soon a write is in answers: new items after the swap, prices and deletions in the next answer.

    python benchmarks/index_freshness.py --bundle BUNDLE --items 100000 --json benchmarks/results/index_freshness.json

A real process serves the bundle enlarged to that many items (its own, repeated with noise on their features) from a
SQLite file. Seconds count from the moment that a write is sent. A new item counts as there when the service says that
it can be listed. Processor seconds are those of the whole service meanwhile: on a busy machine they say more.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, Final

from enlarged_service import EnlargedService, enlarged_service
from record import circumstances, keep

PACKAGES: Final = ["numpy", "polars", "faiss-cpu", "onnxruntime", "sqlalchemy", "uvicorn"]
SIZES: Final = (1, 10, 100)
TIMES: Final = 5
LIMIT_SECONDS: Final = 5.0


def main() -> None:
    arguments = _arguments()
    with enlarged_service(arguments.bundle, arguments.items, arguments.port) as service:
        titles = [item.get("title", "") for item in service.client.get("/v1/items?limit=1000").json()["items"]]
        add(service, titles, 1, "warm-up")
        new = {
            str(size): measured(
                [
                    timed(service, lambda size=size, time_=time_: add(service, titles, size, f"{size}-{time_}"))
                    for time_ in range(TIMES)
                ]
            )
            for size in SIZES
        }
        ids = list(listed(service))
        price = measured(
            [timed(service, lambda item_id=item_id: change_price(service, item_id)) for item_id in ids[:TIMES]]
        )
        deletion = measured(
            [timed(service, lambda item_id=item_id: delete(service, item_id)) for item_id in ids[:TIMES]]
        )
    result = {
        "what": f"seconds until a write is in answers, {arguments.items:,} items made from a real bundle, SQLite",
        **circumstances(PACKAGES),
        "times": TIMES,
        "new items, by how many in one request": new,
        "a price, in the next answer": price,
        "a deletion, in the next answer": deletion,
        "limit_seconds": LIMIT_SECONDS,
        "is_within_limit": max(each["seconds"]["most"] for each in new.values()) <= LIMIT_SECONDS,
    }
    keep(result, arguments.json)


def add(service: EnlargedService, titles: list[str], size: int, name: str) -> None:
    """Returns when the new items can be listed."""
    before = num_items(service)
    rows = [{"item_id": f"new-{name}-{n}", "title": f"{titles[n]} {name} {n}", "price": 9.5} for n in range(size)]
    answer = service.client.post("/v1/items:batch", json={"items": rows}).json()
    assert (answer["accepted"], answer["job_id"]) == (size, None), answer
    while num_items(service) < before + size:
        time.sleep(0.1)


def change_price(service: EnlargedService, item_id: str) -> None:
    service.client.patch(f"/v1/items/{item_id}", json={"price": 12345.5}).raise_for_status()
    assert listed(service)[item_id] == {"price": 12345.5}


def delete(service: EnlargedService, item_id: str) -> None:
    service.client.delete(f"/v1/items/{item_id}").raise_for_status()
    assert item_id not in listed(service)


def listed(service: EnlargedService) -> dict[str, dict[str, Any]]:
    """Popular items, with their prices."""
    answer = service.client.post("/v1/recommendations", json={"history": [], "k": 100, "return_properties": ["price"]})
    return {item["item_id"]: item["properties"] for item in answer.raise_for_status().json()["items"]}


def num_items(service: EnlargedService) -> int:
    return int(service.client.get("/v1/model").json()["num_items"])


def timed(service: EnlargedService, work: Callable[[], None]) -> tuple[float, float]:
    """Seconds on the clock, and of the service's processors."""
    clock, cpu = time.perf_counter(), service.cpu_seconds()
    work()
    return time.perf_counter() - clock, service.cpu_seconds() - cpu


def measured(times: list[tuple[float, float]]) -> dict[str, dict[str, float]]:
    return {
        name: {"median": round(median(values), 3), "most": round(max(values), 3)}
        for name, values in zip(("seconds", "processor_seconds"), zip(*times, strict=True), strict=True)
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--port", type=int, default=8731)
    parser.add_argument("--json", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
