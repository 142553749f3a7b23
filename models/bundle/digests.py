"""Digests of a bundle's files, and their comparison with the manifest."""

import hashlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from models.bundle.layout import REQUIRED_FILES, files_in
from models.bundle.manifest import Manifest
from models.domain.errors import BundleCorrupt


class Damage(NamedTuple):
    """One file that is not as it was sealed."""

    name: str
    reason: str


def file_digest(path: Path) -> str:
    """SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify_files(folder: Path, manifest: Manifest, *, unread: Collection[str] = ()) -> None:
    """Raises BundleCorrupt naming every damaged, missing or foreign file; `unread` ones need only be there."""
    damages = list(_damages(folder, manifest, unread))
    if damages:
        first, *others = damages
        told = "".join(f"; {other.name}: {other.reason}" for other in others)
        raise BundleCorrupt(folder / first.name, first.reason + told)


def verify_file(folder: Path, manifest: Manifest, name: str) -> None:
    """Raises BundleCorrupt where the content of one file is not what was sealed."""
    for damage in _changed(folder, manifest, name):
        raise BundleCorrupt(folder / damage.name, damage.reason)


def _damages(folder: Path, manifest: Manifest, unread: Collection[str]) -> Iterator[Damage]:
    present = files_in(folder)
    for name in sorted(REQUIRED_FILES - set(manifest.files)):
        yield Damage(name, "was never sealed into this bundle, and none can do without it")
    for name in sorted(manifest.files):
        if name not in present:
            yield Damage(name, "is missing")
        elif name not in unread:
            yield from _changed(folder, manifest, name)
    for name in sorted(present - set(manifest.files)):
        yield Damage(name, "does not belong to this bundle: the manifest does not name it")


def _changed(folder: Path, manifest: Manifest, name: str) -> Iterator[Damage]:
    try:
        digest = file_digest(folder / name)
    except OSError as error:
        yield Damage(name, f"cannot be read: {error.strerror}")
        return
    if digest != manifest.files[name]:
        yield Damage(name, "its content is not what was sealed (SHA-256 differs)")
