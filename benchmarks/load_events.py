"""Load and check ten million events: seconds and peak memory, which must stay within 2 GiB.

    python benchmarks/load_events.py --format parquet --json benchmarks/results/load_events_parquet.json

The events are synthetic and hold every optional column; they are written to a temporary folder and loaded in a process
of its own, so that its peak resident memory is the load's alone. Parquet is written in row groups of the usual size: a
single group of all events is decoded as a whole and passes the limit. Exit code 1 if the limit is passed.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
from record import circumstances

LIMIT_BYTES = 2 * 1024**3
NUM_USERS = 1_000_000
NUM_ITEMS = 100_000
CHUNK_EVENTS = 500_000
START_SECONDS = 1_735_689_600  # 1 January 2025


def write_dataset(folder: Path, file_format: str, num_events: int) -> None:
    """A dataset folder; a tenth of a per mille of the events are of items that the catalogue does not have."""
    rng = np.random.default_rng(0)
    catalogue = pl.DataFrame(
        {
            "item_id": [f"item-{number}" for number in range(NUM_ITEMS)],
            "title": [f"Product number {number}" for number in range(NUM_ITEMS)],
            "price": rng.uniform(1, 100, NUM_ITEMS).round(2),
        }
    )
    write_table(catalogue, folder / f"catalogue.{file_format}")
    parts = folder / "parts"
    parts.mkdir()
    for number, first in enumerate(range(0, num_events, CHUNK_EVENTS)):
        size = min(CHUNK_EVENTS, num_events - first)
        write_table(events_chunk(rng, first, size), parts / f"{number:05}.{file_format}")
    join_tables(sorted(parts.iterdir()), folder / f"events.{file_format}")
    for part in parts.iterdir():
        part.unlink()
    parts.rmdir()


def events_chunk(rng: np.random.Generator, first: int, size: int) -> pl.DataFrame:
    """Popular items are bought more often, as in shops; times go up through the file, users are mixed."""
    items = (NUM_ITEMS * 1.0001 * rng.random(size) ** 2).astype(np.int64)
    seconds = START_SECONDS + (np.arange(first, first + size) * 3)
    return pl.DataFrame(
        {
            "user_id": pl.Series(rng.integers(0, NUM_USERS, size)).cast(pl.String) + "@shop",
            "item_id": "item-" + pl.Series(items).cast(pl.String),
            "timestamp": pl.Series(seconds * 1_000_000).cast(pl.Datetime("us", "UTC")),
            "event_type": pl.Series(rng.choice(["view", "click", "add_to_cart", "purchase"], size)),
            "event_id": "event-" + pl.Series(np.arange(first, first + size)).cast(pl.String).str.zfill(12),
            "session_id": "session-" + pl.Series(rng.integers(0, 2 * NUM_USERS, size)).cast(pl.String),
            "quantity": rng.integers(1, 5, size),
            "unit_price": rng.uniform(1, 100, size).round(2),
        }
    )


def write_table(table: pl.DataFrame, file: Path) -> None:
    if file.suffix == ".parquet":
        table.write_parquet(file)
    elif file.suffix == ".csv":
        table.write_csv(file, datetime_format="%Y-%m-%dT%H:%M:%S%.fZ")
    else:
        times = pl.col(pl.Datetime("us", "UTC")).dt.strftime("%Y-%m-%dT%H:%M:%S%.fZ")
        table.with_columns(times).write_ndjson(file)


def join_tables(parts: list[Path], file: Path) -> None:
    if file.suffix == ".parquet":
        pl.scan_parquet(parts).sink_parquet(file)
        return
    with file.open("wb") as out:
        for number, part in enumerate(parts):
            with part.open("rb") as stream:
                if number > 0 and file.suffix == ".csv":
                    stream.readline()
                while chunk := stream.read(1 << 22):
                    out.write(chunk)


def load_here(folder: Path) -> None:
    """What the child process does: load, then print what it took."""
    from models.data.read import load_dataset

    start = time.perf_counter()
    loaded = load_dataset(folder)
    seconds = time.perf_counter() - start
    report = loaded.report
    took = {
        "seconds": round(seconds, 2),
        "peak_rss_bytes": peak_bytes(),
        "events_used": report.num_events,
        "events_dropped": report.dropped_events,
        "users": report.num_users,
        "items": report.num_items,
    }
    print(json.dumps(took))


def peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--format", choices=["parquet", "csv", "jsonl"], default="parquet")
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--json", type=Path, help="write the result here too")
    parser.add_argument("--load", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.load:
        load_here(options.load)
        return 0
    with tempfile.TemporaryDirectory(prefix="figment-load-") as name:
        folder = Path(name)
        write_dataset(folder, options.format, options.events)
        file_bytes = (folder / f"events.{options.format}").stat().st_size
        root = Path(__file__).resolve().parents[1]
        around = circumstances(["polars", "numpy"])
        command = [sys.executable, str(Path(__file__).resolve()), "--load", str(folder)]
        environment = {**os.environ, "PYTHONPATH": str(root)}
        child = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    result = {
        "what": f"load and check {options.events:,} events from {options.format}",
        **around,
        "file_bytes": file_bytes,
        "limit_rss_bytes": LIMIT_BYTES,
        **json.loads(child.stdout),
    }
    text = json.dumps(result, indent=1)
    print(text)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(text + "\n", encoding="utf-8")
    if result["peak_rss_bytes"] > LIMIT_BYTES:
        print(
            f"peak memory of {result['peak_rss_bytes'] / 1024**3:.2f} GiB is over the limit of 2 GiB", file=sys.stderr
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
