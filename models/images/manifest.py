"""`images.json`: what a picture model is, and the digest of every file of it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from models.bundle.digests import file_digest
from models.bundle.manifest import DatasetRecord
from models.domain.errors import BundleCorrupt, PicturesNotFound
from models.images import layout

SCHEMA_VERSION: Final = 1


class ImagesManifest(BaseModel):
    """Everything that is known about a picture model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = SCHEMA_VERSION
    model_version: str
    """The folder's name when it was sealed; pictures carry it."""
    created_at: AwareDatetime
    files: Mapping[str, str] = {}
    """Path → SHA-256, of every file but this one. Filled in by sealing."""
    training: Mapping[str, Any]
    dataset: DatasetRecord
    metrics: Mapping[str, Any]
    """Of the classifier and of the pictures, on photographs that nothing was fitted on."""
    sizes: Sequence[int]
    """Heights and widths that it makes: its own, and smaller ones by averaging."""
    picture_channels: int
    noise_size: int
    feature_size: int
    """Of a text; 0 where the products have none."""
    categories: Sequence[str]
    colours: Sequence[str]
    num_items: int


def read_images_manifest(folder: Path) -> ImagesManifest:
    """The manifest, its files not looked at. Raises PicturesNotFound, BundleCorrupt."""
    path = folder / layout.MANIFEST
    if not path.is_file():
        raise PicturesNotFound(folder)
    try:
        return ImagesManifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise BundleCorrupt(path, problems) from error


def verified_manifest(folder: Path) -> ImagesManifest:
    """The manifest, after every digest was compared. Raises PicturesNotFound, BundleCorrupt."""
    manifest = read_images_manifest(folder)
    if manifest.schema_version != SCHEMA_VERSION:
        reason = f"schema version {manifest.schema_version}; this program reads {SCHEMA_VERSION}: train it again"
        raise BundleCorrupt(folder / layout.MANIFEST, reason)
    wanted = layout.ALWAYS | (layout.WITH_TEXTS if manifest.feature_size else frozenset())
    for name in sorted(wanted - set(manifest.files)):
        raise BundleCorrupt(folder / name, "was never sealed, and no picture model can do without it")
    for name, digest in sorted(manifest.files.items()):
        if not (folder / name).is_file():
            raise BundleCorrupt(folder / name, "is missing")
        if file_digest(folder / name) != digest:
            raise BundleCorrupt(folder / name, "its content is not what was sealed (SHA-256 differs)")
    return manifest
