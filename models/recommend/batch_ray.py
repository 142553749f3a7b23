"""`figment recommend --engine ray`: lists for more shoppers than one process should make, in parts, by many processes.

Shoppers are spread over parts by a hash of their id. Ray streams the events' Parquet files, brings each part's events
together, and a pool of processes, each with the bundle open, makes one part after the other. A part is one file, there
whole or not at all: a process that dies loses what it was handed, a part or the few that fell together, which another
makes again, and the same command after any interruption makes what is missing.
"""

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

# read when Ray loads
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # else it reports to its maker
os.environ.setdefault("RAY_SCHEDULER_EVENTS", "0")  # else it writes into the progress
# else its threads import fsspec's HTTP beside each other; without aiohttp one may find half a module, 3 times in 100
os.environ.setdefault("RAY_DATA_LIST_FILES_THREADED_NUM_WORKERS", "1")
if "RAY_ADDRESS" not in os.environ:
    os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # on every system: its ports on loopback alone

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import ray
import ray.data
from ray.exceptions import RayError

from models.bundle.digests import file_digest
from models.bundle.manifest import Manifest
from models.bundle.read import verify_bundle
from models.data.read import NO_COLUMN_MAP, load_events
from models.data.write_table import write_table
from models.domain.counted import counted
from models.domain.errors import DatasetError, ListsUnfinished, SettingsRefused
from models.domain.progress import Progress
from models.recommend.batch import NO_PROGRESS, ListsWritten, recommend_events
from models.recommend.recommender import Recommender
from models.recommend.systems import Wish, system_for

RUN: Final = "run.json"
PART: Final = "figment_part"
EVENTS_PER_PART: Final = 500_000
PARTS_PER_WORKER: Final = 4
"""At least: the last part keeps the others waiting for a quarter of a worker's time at most."""
PARTS_PER_WAVE: Final = 512
"""Parts brought together at a time: each costs Ray a task, and for each wave all events are read once more."""
SAMPLE_ROWS: Final = 1_000
NO_LISTS: Final = pl.DataFrame(
    schema={"user_id": pl.String, "item_id": pl.String, "rank": pl.Int32, "score": pl.Float32}
)


@dataclass(frozen=True, slots=True)
class NightlyRun:
    """What one folder of lists is made from; `run.json` keeps it, so that nothing else is put beside its parts."""

    model_version: str
    serves: str
    """The system that orders the lists."""
    events: str
    events_digest: str
    """Of the files' contents, in the order of their names."""
    k: int
    num_parts: int
    column_map: Mapping[str, str]

    def part_file(self, folder: Path, part: int) -> Path:
        """Where the lists of one part lie."""
        return folder / f"part-{part:05d}.parquet"

    def missing(self, folder: Path) -> list[int]:
        """Parts that are not made yet."""
        # listed, not asked for one by one: a network's file system may remember for a minute that a file was not there
        there = {file.name for file in folder.iterdir()}
        return [part for part in range(self.num_parts) if self.part_file(folder, part).name not in there]


def recommend_with_ray(
    bundle: Path,
    events: Path,
    out: Path,
    k: int,
    *,
    workers: int,
    progress: Progress = NO_PROGRESS,
    column_map: Mapping[str, str] = NO_COLUMN_MAP,
    wish: Wish = "auto",
) -> ListsWritten:
    """Write the folder `out`: the lists that `recommend_file` writes, part by part; those that are there are kept.

    `events` is a Parquet file or a folder of them. With RAY_ADDRESS set, the processes are that cluster's, and see the
    paths as this one does; else they are this machine's. Returns what this call wrote. Raises BundleError, InputError,
    and ListsUnfinished where parts are missing at the end, or one was written where this process does not see it.
    """
    files = _parquet_files(events)
    manifest = verify_bundle(bundle)
    _refuse_unusable(files[0], column_map)
    run = _opened(out, manifest, wish, events, files, k, workers, column_map)
    missing = run.missing(out)
    if not missing:
        return ListsWritten(0, 0)
    progress.start("recommending", total=len(missing))
    num_users = num_fallbacks = 0
    unreported = set(missing)
    try:
        _start_ray(workers)
        for written in _written(run, bundle, wish, files, out, missing, workers):
            file = run.part_file(out, written["part"])
            if not file.is_file():
                reason = f"{file.name} was written where this process does not see it; all machines have to share --out"
                raise ListsUnfinished(out, len(unreported), reason)
            unreported.discard(written["part"])
            num_users, num_fallbacks = num_users + written["num_users"], num_fallbacks + written["num_fallbacks"]
            progress.advance(1)
    except RayError as error:
        raise ListsUnfinished(out, len(run.missing(out)), _reason(error)) from error
    finally:
        ray.shutdown()
    for part in unreported:  # no shopper's id falls there
        write_table(NO_LISTS, run.part_file(out, part))
    progress.finish(counted(num_users, "shopper"))
    return ListsWritten(num_users, num_fallbacks)


def _written(
    run: NightlyRun, bundle: Path, wish: Wish, files: list[Path], out: Path, missing: list[int], workers: int
) -> Iterator[dict[str, Any]]:
    """One row a part, as it is written: wave after wave, so that what a process is handed stays some parts' events."""
    for start in range(0, len(missing), PARTS_PER_WAVE):
        wave = missing[start : start + PARTS_PER_WAVE]
        yield from _parts(run, bundle, wish, files, out, wave, workers).iter_rows()


def _parts(
    run: NightlyRun, bundle: Path, wish: Wish, files: list[Path], out: Path, wave: list[int], workers: int
) -> ray.data.Dataset:
    """One row a part of the wave."""
    user_id = run.column_map.get("events.user_id", "user_id")
    wanted = pl.Series(wave, dtype=pl.UInt64)

    def with_part(events: pa.Table) -> pa.Table:
        frame = pl.from_arrow(events)
        assert isinstance(frame, pl.DataFrame)
        part = frame[user_id].cast(pl.String).hash(0) % run.num_parts
        return frame.with_columns(part.alias(PART)).filter(part.is_in(wanted)).to_arrow()

    read = ray.data.read_parquet([str(file.resolve()) for file in files])
    spread = read.map_batches(with_part, batch_format="pyarrow")
    return spread.groupby(PART, num_partitions=len(wave)).map_groups(
        MakesLists,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(size=workers),
        num_cpus=1,
        fn_constructor_args=(run, str(bundle.resolve()), wish, str(out.resolve())),
    )


class MakesLists:
    """One process of the pool."""

    def __init__(self, run: NightlyRun, bundle: str, wish: Wish, out: str) -> None:
        self._run = run
        self._out = Path(out)
        self._recommender = Recommender.open(Path(bundle), wish=wish)

    def __call__(self, events: pa.Table) -> dict[str, list[Any]]:
        """Writes one part's lists; how many, and how many of popular items."""
        part = int(events[PART][0].as_py())
        lists, written = self._lists(events.drop_columns([PART]))
        write_table(lists, self._run.part_file(self._out, part))
        return {"part": [part], "num_users": [written.num_users], "num_fallbacks": [written.num_fallbacks]}

    def _lists(self, events: pa.Table) -> tuple[pl.DataFrame, ListsWritten]:
        with TemporaryDirectory() as folder:
            file = Path(folder) / "events.parquet"
            pq.write_table(events, file)
            try:
                loaded = load_events(file, column_map=self._run.column_map)
            except DatasetError:  # no usable event in this part; a file that has none at all was refused before
                return NO_LISTS, ListsWritten(0, 0)
        return recommend_events(self._recommender, loaded.events, self._run.k)


def _parquet_files(events: Path) -> list[Path]:
    files = sorted(events.glob("*.parquet")) if events.is_dir() else [events]
    if not files or any(file.suffix != ".parquet" or not file.is_file() for file in files):
        raise SettingsRefused(f"--events {events}: --engine ray reads a Parquet file or a folder of them")
    return files


def _refuse_unusable(file: Path, column_map: Mapping[str, str]) -> None:
    """Raises DatasetError by the first rows: what no process could use."""
    with TemporaryDirectory() as folder:
        sample = Path(folder) / file.name
        try:
            pl.scan_parquet(file).head(SAMPLE_ROWS).collect().write_parquet(sample)
        except pl.exceptions.PolarsError as error:
            raise DatasetError(f"{file} cannot be read as Parquet: {error}") from error
        load_events(sample, column_map=column_map)


def _opened(
    out: Path,
    manifest: Manifest,
    wish: Wish,
    events: Path,
    files: list[Path],
    k: int,
    workers: int,
    column_map: Mapping[str, str],
) -> NightlyRun:
    """The run as it was begun, or begun now. Raises SettingsRefused where the folder is another run's."""
    num_events = sum(pq.read_metadata(file).num_rows for file in files)
    num_parts = max(PARTS_PER_WORKER * workers, ceil(num_events / EVENTS_PER_PART))
    digest = hashlib.sha256("".join(map(file_digest, files)).encode()).hexdigest()
    serves = system_for(wish, manifest.serves)
    run = NightlyRun(manifest.model_version, serves, str(events.resolve()), digest, k, num_parts, dict(column_map))
    file = out / RUN
    if out.exists() and not file.is_file() and (not out.is_dir() or any(out.iterdir())):
        raise SettingsRefused(
            f"--out {out}: --engine ray writes a folder of its own, and that has something else in it"
        )
    if file.is_file():
        begun = json.loads(file.read_text())
        run = replace(run, num_parts=begun["num_parts"])
        if begun != _as_dict(run):
            raise SettingsRefused(
                f"--out {out} holds the lists of another bundle or system, other events or length: {file}"
            )
        return run
    out.mkdir(parents=True, exist_ok=True)
    unfinished = out / f".unfinished-{RUN}"
    unfinished.write_text(json.dumps(_as_dict(run), indent=1) + "\n")
    unfinished.replace(file)
    return run


def _as_dict(run: NightlyRun) -> dict[str, Any]:
    return {name: getattr(run, name) for name in NightlyRun.__slots__}


def _start_ray(workers: int) -> None:
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
    if os.environ.get("RAY_ADDRESS"):
        ray.init(**quiet)
    else:
        # more for reading and spreading, which wait for files and memory
        ray.init(num_cpus=2 * workers, include_dashboard=False, **quiet)
    ray.data.DataContext.get_current().enable_progress_bars = False


def _reason(error: RayError) -> str:
    return str(error).strip().rpartition("\n")[2] or type(error).__name__
