"""A picture model from disk, verified before any of it is believed; and its way there."""

# N items, D picture features, F text feature

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort
import polars as pl
from numpy.typing import NDArray

from models.bundle.digests import file_digest
from models.bundle.write import link_or_copy, refuse_existing, to_disk, unfinished_folder
from models.domain.errors import BundleCorrupt
from models.images import layout
from models.images.manifest import ImagesManifest, verified_manifest
from models.images.text_feature import TextProjection
from models.images.vocabulary import PictureVocabulary


@dataclass(frozen=True, slots=True)
class ImagesFolder:
    """What serving reads of it."""

    folder: Path
    manifest: ImagesManifest
    vocabulary: PictureVocabulary
    item_ids: Sequence[str]
    category_N: NDArray[np.int64]
    colour_N: NDArray[np.int64]
    picture_features_ND: NDArray[np.float32]
    """Of unit length."""
    text_features_NF: NDArray[np.float32]
    projection: TextProjection | None

    def session(self, name: str) -> ort.InferenceSession:
        """A network of it, on one thread: requests share the cores already."""
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        return ort.InferenceSession(self.folder / name, options, providers=["CPUExecutionProvider"])


def open_images(folder: Path) -> ImagesFolder:
    """Every digest and shape verified. Raises PicturesNotFound, BundleCorrupt."""
    manifest = verified_manifest(folder)
    num_items = manifest.num_items
    items = _table(folder / layout.ITEMS, num_items)
    return ImagesFolder(
        folder=folder,
        manifest=manifest,
        vocabulary=PictureVocabulary(manifest.categories, manifest.colours),
        item_ids=items["item_id"].to_list(),
        category_N=items["category"].to_numpy(),
        colour_N=items["colour"].to_numpy(),
        picture_features_ND=_array(folder / layout.PICTURE_FEATURES, num_items),
        text_features_NF=_array(folder / layout.TEXT_FEATURES, num_items, manifest.feature_size),
        projection=TextProjection.load(folder / layout.TEXT_PROJECTION) if manifest.feature_size else None,
    )


def seal_images(destination: Path, write: Callable[[Path], ImagesManifest]) -> ImagesManifest:
    """The picture model at `destination`, whole or not at all; the manifest as it was sealed.

    Raises SettingsRefused where something is already there.
    """
    refuse_existing(destination)
    with unfinished_folder(destination) as folder:
        manifest = write(folder)
        files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())
        sealed = manifest.model_copy(update={"files": {name: file_digest(folder / name) for name in files}})
        (folder / layout.MANIFEST).write_text(sealed.model_dump_json(indent=2) + "\n", encoding="utf-8")
        to_disk(folder)
        refuse_existing(destination)
        folder.rename(destination)
    return sealed


def place_images(source: Path, folder: Path) -> None:
    """A verified picture model's files in `folder`, which does not exist yet: linked, copied where that cannot be."""
    manifest = verified_manifest(source)
    for name in (layout.MANIFEST, *manifest.files):
        link_or_copy(source / name, folder / name)


def _table(path: Path, num_items: int) -> pl.DataFrame:
    try:
        table = pl.read_parquet(path, columns=["item_id", "category", "colour"])
    except (OSError, pl.exceptions.PolarsError) as error:
        raise BundleCorrupt(path, f"not a table of pictured items ({error})") from error
    if table.height != num_items:
        raise BundleCorrupt(path, f"{table.height} rows; the manifest counts {num_items}")
    return table


def _array(path: Path, num_items: int, width: int | None = None) -> NDArray[np.float32]:
    try:
        array: NDArray[np.float16] = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise BundleCorrupt(path, f"not an array ({error})") from error
    if array.ndim != 2 or len(array) != num_items or width not in {None, array.shape[1]}:
        raise BundleCorrupt(path, f"shape {array.shape}; the manifest asks for {num_items} rows of {width or 'any'}")
    return array.astype(np.float32)
