"""The bundles of one folder, and the pointer to the one that serves."""

import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple
from uuid import uuid4

from models.bundle.layout import MANIFEST
from models.bundle.manifest import Manifest, read_manifest
from models.bundle.read import verify_bundle
from models.domain.errors import BundleCorrupt, BundleNotFound, SettingsRefused

POINTER: Final = "promoted.json"


@dataclass(frozen=True, slots=True)
class BundleVersion:
    """One bundle as a list shows it; only the manifest was read."""

    version: str
    folder: Path
    is_promoted: bool
    manifest: Manifest | None
    """None where there is a problem."""
    problem: str | None
    """Why the manifest cannot be read."""

    @property
    def created_at(self) -> datetime | None:
        """None where there is a problem."""
        return self.manifest.created_at if self.manifest else None


class Promotion(NamedTuple):
    """What `promoted.json` holds."""

    current: str
    previous: str | None


def list_bundles(root: Path) -> list[BundleVersion]:
    """Every bundle below `root`, damaged ones first, then the newest first."""
    promotion = read_promotion(root)
    current = promotion.current if promotion else None
    found = [_version(path.parent, current) for path in root.glob(f"[!.]*/{MANIFEST}")]
    return sorted(found, key=_newness, reverse=True)


def newest_bundle(root: Path) -> Path:
    """The bundle made last. Raises BundleNotFound, or BundleCorrupt where a damaged one may be the newest."""
    bundles = list_bundles(root)
    if not bundles:
        raise BundleNotFound(root)
    read_manifest(bundles[0].folder)
    return bundles[0].folder


def promote(root: Path, named: str) -> Promotion:
    """Makes a bundle of `root` the one that serves, after verifying every file of it; what served before is remembered.

    `named`: a version or a path, as `find_bundle` takes it. Raises SettingsRefused for a bundle outside of `root`.
    """
    folder = find_bundle(root, named).absolute()
    if folder.parent.resolve() != root.resolve():
        raise SettingsRefused(f"bundle {named} is not in {root}: only bundles of that folder can be promoted")
    version = folder.name
    verify_bundle(root / version)
    promotion = read_promotion(root)
    if promotion is None or promotion.current == version:
        promoted = Promotion(version, promotion.previous if promotion else None)
    else:
        promoted = Promotion(version, promotion.current)
    return _write_promotion(root, promoted)


def rollback(root: Path) -> Promotion:
    """Makes the version before the last promotion serve again; a second rollback undoes the first.

    Raises SettingsRefused where nothing was promoted before, and what verifying raises.
    """
    promotion = read_promotion(root)
    if promotion is None or promotion.previous is None:
        so_far = f"{promotion.current} is the only one so far" if promotion else "none has been so far"
        raise SettingsRefused(
            f"nothing to roll back to: a rollback takes two promoted bundles of {root}, {so_far}; "
            f"`figment bundle promote BUNDLE` chooses among {', '.join(each.version for each in list_bundles(root))}"
        )
    verify_bundle(root / promotion.previous)
    return _write_promotion(root, Promotion(promotion.previous, promotion.current))


def read_promotion(root: Path) -> Promotion | None:
    """The pointer, or None where nothing was promoted yet."""
    path = root / POINTER
    if not path.is_file():
        return None
    try:
        fields = json.loads(path.read_text("utf-8"))
        promotion = Promotion(**fields)
    except (ValueError, TypeError) as error:
        raise BundleCorrupt(path, f"not a pointer to a bundle ({error})") from error
    if not isinstance(promotion.current, str) or not isinstance(promotion.previous, str | None):
        raise BundleCorrupt(path, "not a pointer to a bundle (versions must be strings)")
    return promotion


def resolve_bundle(root: Path, explicit: Path | None = None) -> Path:
    """The bundle to serve: the one asked for, by path or name, else the promoted one, else the newest.

    Raises BundleNotFound.
    """
    if explicit is not None:
        return explicit if (explicit / MANIFEST).is_file() else find_bundle(root, str(explicit))
    promotion = read_promotion(root)
    if promotion is None:
        return newest_bundle(root)
    promoted = root / promotion.current
    if not (promoted / MANIFEST).is_file():
        raise BundleNotFound(promoted)
    return promoted


def find_bundle(root: Path, named: str) -> Path:
    """The bundle of that name in `root`, else at that path; `./x` is a path always. Raises BundleNotFound."""
    inside, path = root / named, Path(named)
    is_name = named == path.name
    for folder in (inside, path) if is_name else (path,):
        if (folder / MANIFEST).is_file():
            return folder
    raise BundleNotFound(inside if is_name else path)


def _version(folder: Path, current: str | None) -> BundleVersion:
    manifest, problem = None, None
    try:
        manifest = read_manifest(folder)
    except BundleCorrupt as error:
        problem = str(error)
    return BundleVersion(
        version=folder.name,
        folder=folder,
        is_promoted=folder.name == current,
        manifest=manifest,
        problem=problem,
    )


def _newness(bundle: BundleVersion) -> tuple[bool, float, str]:
    seconds = bundle.created_at.timestamp() if bundle.created_at else 0.0
    return bundle.problem is not None, seconds, bundle.version


def _write_promotion(root: Path, promotion: Promotion) -> Promotion:
    """Replaced in one step: a reader finds the old pointer or the new one, never half of one."""
    unfinished = root / f".{POINTER}-{uuid4().hex}"
    with unfinished.open("w", encoding="utf-8") as file:
        json.dump(promotion._asdict(), file)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(root / POINTER)
    return promotion
