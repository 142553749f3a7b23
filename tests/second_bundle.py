"""A bundle beside another one, whose answers cannot be mistaken for those of the first."""

import hashlib
import shutil
from pathlib import Path

import polars as pl

from models.bundle.manifest import read_manifest

CATALOGUE = "catalogue.parquet"


def write_second_bundle(first: Path, folder: Path) -> Path:
    """The first one again, under the name of the folder, which every title carries."""
    shutil.copytree(first, folder)
    catalogue = pl.read_parquet(first / CATALOGUE)
    catalogue.with_columns(title=pl.col("title") + f" of {folder.name}").write_parquet(folder / CATALOGUE)
    manifest = read_manifest(first)
    digest = hashlib.sha256((folder / CATALOGUE).read_bytes()).hexdigest()
    changed = manifest.model_copy(update={"model_version": folder.name, "files": {**manifest.files, CATALOGUE: digest}})
    (folder / "manifest.json").write_bytes(changed.as_file())
    return folder
