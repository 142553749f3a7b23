"""A bundle is written beside its place and renamed when it is whole: no reader ever sees half of one."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from uuid import uuid4

from models.bundle.digests import file_digest
from models.bundle.layout import MANIFEST, REQUIRED_FILES, TEXT_ENCODER, TOKENIZER, files_in
from models.bundle.manifest import Manifest
from models.domain.errors import SettingsRefused

UNFINISHED_PREFIX: Final = ".unfinished-"


def refuse_existing(destination: Path) -> None:
    """Raises SettingsRefused where something is already there: bundles are never overwritten."""
    if destination.exists() or destination.is_symlink():
        raise SettingsRefused(f"{destination} is already there and bundles are never overwritten: choose another name")


def seal_bundle(destination: Path, write: Callable[[Path], Manifest]) -> Manifest:
    """The bundle at `destination`, whole or not at all; the manifest as it was sealed.

    Args:
        destination: does not exist yet; its name is the model version.
        write: puts every file but the manifest into the folder it is given, and returns the manifest without `files`.

    Raises:
        SettingsRefused: `destination` exists.
        ValueError: `write` left out a file that every bundle has, or named another version.
    """
    refuse_existing(destination)
    with unfinished_folder(destination) as folder:
        manifest = write(folder)
        missing = sorted(REQUIRED_FILES - files_in(folder))
        if missing:
            raise ValueError(f"a bundle must not be sealed without {', '.join(missing)}")
        if manifest.model_version != destination.name:
            raise ValueError(f"model version {manifest.model_version!r} is not the bundle's name {destination.name!r}")
        digests = {name: file_digest(folder / name) for name in sorted(files_in(folder))}
        sealed = manifest.model_copy(update={"files": digests})
        (folder / MANIFEST).write_bytes(sealed.as_file())
        to_disk(folder)
        refuse_existing(destination)
        folder.rename(destination)
    _sync(destination.parent)
    return sealed


def place_text_encoder(onnx_file: Path, tokenizer_file: Path, folder: Path) -> None:
    """The sentence encoder's files in a bundle under construction: linked, so that ten bundles carry one copy.

    Copied where the file system cannot link, or where the cache lies on another one.
    """
    for source, name in ((onnx_file, TEXT_ENCODER), (tokenizer_file, TOKENIZER)):
        link_or_copy(source, folder / name)


def link_or_copy(source: Path, target: Path) -> None:
    """The same file under another name; its folder is made. A copy where the file system cannot link."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


@contextmanager
def unfinished_folder(destination: Path) -> Iterator[Path]:
    """An empty folder beside `destination`, gone afterwards unless it was renamed; locked as long as this runs."""
    parent = destination.parent
    parent.mkdir(parents=True, exist_ok=True)
    folder = parent / f"{UNFINISHED_PREFIX}{destination.name}-{uuid4().hex}"
    with _locked(parent):
        _sweep(parent)
        folder.mkdir()
        lock = os.open(folder, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _sweep(parent: Path) -> None:
    """Removes what killed runs left behind: the system frees a lock when its process dies, however it dies."""
    for leftover in parent.glob(f"{UNFINISHED_PREFIX}*"):
        lock = os.open(leftover, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(leftover)
        except BlockingIOError:
            pass  # another run is writing it now
        finally:
            os.close(lock)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def to_disk(folder: Path) -> None:
    """Contents before names: after a power cut the renamed folder must not hold empty files."""
    for path in folder.rglob("*"):
        _sync(path)
    _sync(folder)


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
