"""Laying down a dataset folder: all of it or nothing."""

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import polars as pl

from models.domain.errors import DatasetError


def is_written(folder: Path, name: str) -> bool:
    """Whether the folder holds the dataset of that name already; anything else in its place raises."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return False
    info_file = folder / "dataset.json"
    if info_file.is_file() and json.loads(info_file.read_text(encoding="utf-8")).get("name") == name:
        return True
    raise DatasetError(f"{folder} exists and does not hold {name!r}: choose another folder or remove it")


def write_folder(
    folder: Path,
    info: Mapping[str, object],
    catalogue: pl.DataFrame,
    events: pl.DataFrame | None = None,
    others: Mapping[str, pl.DataFrame] = MappingProxyType({}),
) -> Path:
    """The folder with its tables as Parquet; written beside its place and renamed, so that no half of it is seen.

    `others`: further tables by their file names.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        catalogue.write_parquet(unfinished / "catalogue.parquet")
        if events is not None:
            events.write_parquet(unfinished / "events.parquet")
        for name, table in others.items():
            table.write_parquet(unfinished / name)
        text = json.dumps(info, indent=1, ensure_ascii=False)
        (unfinished / "dataset.json").write_text(text + "\n", encoding="utf-8")
        unfinished.chmod(0o755)  # mkdtemp's 0700 would lock out a service that runs as someone else
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return folder
