"""A dataset folder → checked tables, and a report of all that is wrong with them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import polars as pl

from models.data.catalogue import OPTIONAL_COLUMNS as CATALOGUE_COLUMNS
from models.data.catalogue import read_catalogue
from models.data.check import CheckReport, Findings
from models.data.dataset import Dataset, DatasetInfo
from models.data.dataset_info import read_info
from models.data.digest import dataset_digest
from models.data.events import OPTIONAL_COLUMNS as OPTIONAL_EVENT_COLUMNS
from models.data.events import REQUIRED_COLUMNS as REQUIRED_EVENT_COLUMNS
from models.data.events import read_events
from models.data.table_files import find_table
from models.data.timestamps import note_doubtful_times
from models.domain.errors import DatasetError

NO_COLUMN_MAP: Final[Mapping[str, str]] = MappingProxyType({})
COLUMNS_OF: Final = MappingProxyType(
    {
        "catalogue": ("item_id", *CATALOGUE_COLUMNS),
        "events": (*REQUIRED_EVENT_COLUMNS, *OPTIONAL_EVENT_COLUMNS),
    }
)


@dataclass(frozen=True, slots=True)
class LoadedDataset:
    """Tables and what was found while checking them."""

    dataset: Dataset
    report: CheckReport


@dataclass(frozen=True, slots=True)
class LoadedEvents:
    """Events without a catalogue (`Dataset.events`' columns) and what was found while checking them."""

    events: pl.DataFrame
    report: CheckReport


@dataclass(frozen=True, slots=True)
class LoadedCatalogue:
    """A catalogue without events and what was found while checking it."""

    info: DatasetInfo
    catalogue: pl.DataFrame
    report: CheckReport


def load_dataset(folder: Path, *, strict: bool = False, column_map: Mapping[str, str] = NO_COLUMN_MAP) -> LoadedDataset:
    """The usable part of a dataset folder and the report on the rest.

    `column_map`: our name → the file's, as in `{"events.user_id": "customer"}`. Raises `DatasetError` with everything
    found in all files where nothing would be left to use, with `strict` already where anything would be dropped or
    assumed.
    """
    if not folder.is_dir():
        raise DatasetError(f"{folder} is not a folder")
    renamed = _renamed_columns(column_map)
    findings = Findings()
    info = read_info(folder, findings)
    catalogue_file = find_table(folder, "catalogue", findings)
    events_file = find_table(folder, "events", findings)
    items = read_catalogue(catalogue_file, renamed["catalogue"], findings) if catalogue_file else None
    read = None
    if events_file:
        item_ids = items[0]["item_id"] if items else None
        times_are_real = info.time == "real"
        read = read_events(events_file, renamed["events"], findings, item_ids=item_ids, times_are_real=times_are_real)
    if events_file and read and info.time == "real":
        note_doubtful_times(events_file.name, read.events["timestamp"], findings)
    findings.stop_if_unusable(str(folder), strict=strict)
    assert items is not None, "what cannot be used was reported as fatal"
    assert read is not None
    catalogue, dropped_items = items
    dataset = Dataset(info=info, catalogue=catalogue, events=read.events, digest=dataset_digest(catalogue, read.events))
    return LoadedDataset(dataset, _report(findings, read.events, read.num_dropped, catalogue.height, dropped_items))


def load_catalogue(
    folder: Path, *, strict: bool = False, column_map: Mapping[str, str] = NO_COLUMN_MAP
) -> LoadedCatalogue:
    """The catalogue of a dataset folder alone: pictures need no events."""
    if not folder.is_dir():
        raise DatasetError(f"{folder} is not a folder")
    findings = Findings()
    info = read_info(folder, findings)
    file = find_table(folder, "catalogue", findings)
    items = read_catalogue(file, _renamed_columns(column_map)["catalogue"], findings) if file else None
    findings.stop_if_unusable(str(folder), strict=strict)
    assert items is not None, "what cannot be used was reported as fatal"
    return LoadedCatalogue(info, items[0], _report_of_items(findings, *items))


def load_items(
    file: Path, *, strict: bool = False, column_map: Mapping[str, str] = NO_COLUMN_MAP
) -> tuple[pl.DataFrame, CheckReport]:
    """One catalogue file on its own."""
    if not file.is_file():
        raise DatasetError(f"{file} is not a file")
    findings = Findings()
    items = read_catalogue(file, _renamed_columns(column_map)["catalogue"], findings)
    findings.stop_if_unusable(str(file), strict=strict)
    assert items is not None, "what cannot be used was reported as fatal"
    return items[0], _report_of_items(findings, *items)


def load_events(file: Path, *, strict: bool = False, column_map: Mapping[str, str] = NO_COLUMN_MAP) -> LoadedEvents:
    """One events file on its own; every item counts as known, `item_id`'s categories are the items it names."""
    if not file.is_file():
        raise DatasetError(f"{file} is not a file")
    findings = Findings()
    renamed = _renamed_columns(column_map)["events"]
    read = read_events(file, renamed, findings, item_ids=None, times_are_real=True)
    findings.stop_if_unusable(str(file), strict=strict)
    assert read is not None, "what cannot be used was reported as fatal"
    return LoadedEvents(read.events, _report(findings, read.events, read.num_dropped, num_items=0, dropped_items=0))


def _report(
    findings: Findings, events: pl.DataFrame, dropped_events: int, num_items: int, dropped_items: int
) -> CheckReport:
    return CheckReport(
        problems=findings.problems,
        num_items=num_items,
        num_users=events["user_id"].n_unique(),
        num_events=events.height,
        dropped_items=dropped_items,
        dropped_events=dropped_events,
    )


def _report_of_items(findings: Findings, catalogue: pl.DataFrame, dropped_items: int) -> CheckReport:
    return CheckReport(
        problems=findings.problems,
        num_items=catalogue.height,
        num_users=0,
        num_events=0,
        dropped_items=dropped_items,
        dropped_events=0,
    )


def _renamed_columns(column_map: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Per table, our name → the file's name. Raises `DatasetError` for a name that is none of ours."""
    renamed: dict[str, dict[str, str]] = {table: {} for table in COLUMNS_OF}
    for key, source in column_map.items():
        table, _, column = key.partition(".")
        if column not in COLUMNS_OF.get(table, ()):
            known = ", ".join(f"{name}.{ours}" for name, columns in COLUMNS_OF.items() for ours in columns)
            raise DatasetError(f"cannot map {key!r} to column {source!r}; names that can be mapped: {known}")
        renamed[table][column] = source
    return renamed
