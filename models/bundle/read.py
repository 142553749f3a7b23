"""A bundle from disk, verified before any of it is believed."""

# N items, D features, E text embedding, T tags, M neighbours

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import polars as pl
from numpy.typing import NDArray

from models.baselines.item_facts import ItemFacts
from models.baselines.neighbours import Neighbours
from models.bundle import layout
from models.bundle.digests import verify_file, verify_files
from models.bundle.manifest import Manifest, read_manifest
from models.domain.errors import BundleCorrupt
from models.features.spec import FeatureSpec
from models.features.text_encoder import TextEncoder
from models.retrieval.faiss_index import FaissIndex
from models.retrieval.index import VectorIndex


@dataclass(frozen=True)
class Bundle:
    """What serving reads; networks and text encoder are opened when they are asked for."""

    folder: Path
    manifest: Manifest
    item_features_ND: NDArray[np.float32]
    """Mapped from the file, not read: processes that serve the same bundle share its pages."""
    text_features_NE: NDArray[np.float16]
    """Each item's text embedding, for searching by text and for finding what a new item is like; mapped."""
    tag_rows_NT: NDArray[np.int32]
    """Each item's rows of the tag table, 0 beyond the last; mapped."""
    critic_items_NX: NDArray[np.float32] | None
    """The critic's terms of each item, mapped; None in a bundle of before there were any."""
    popularity_N: NDArray[np.float32]
    neighbours: Neighbours
    item_facts: ItemFacts
    index: VectorIndex
    vocabulary: pl.DataFrame
    catalogue: pl.DataFrame

    @cached_property
    def item_ids(self) -> Sequence[str]:
        """Item ids in row order."""
        return self.catalogue["item_id"].to_list()

    @cached_property
    def feature_spec(self) -> FeatureSpec:
        """The spec of training, from manifest and vocabulary; raises BundleCorrupt where they do not make it."""
        spec = FeatureSpec.from_parts(self.manifest.feature_spec, self.vocabulary)
        if spec.digest != self.manifest.feature_spec_digest:
            raise BundleCorrupt(self.folder / layout.VOCABULARY, "with the manifest it makes another feature spec")
        return spec

    @property
    def has_judge(self) -> bool:
        """Whether a judge could be fitted; a bundle that names one in its manifest but lost it is corrupt."""
        return bool(self.manifest.evidence)

    def session(self, name: str, *, threads: int = 1) -> ort.InferenceSession:
        """The network `networks/<name>.onnx`; raises BundleCorrupt where it is missing or damaged."""
        file = layout.network_file(name)
        self._verify_late(file)
        if not (self.folder / file).is_file():
            raise BundleCorrupt(self.folder / file, "is missing")
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        # an arena keeps the most that it ever held: after a call of 64 histories of fifty events 85 MiB more than after
        # a lone one, without it 24; a list cost the same within 1.5 % (Amazon Sports, 128 numbers an item, AMD EPYC)
        options.enable_cpu_mem_arena = False
        return ort.InferenceSession(self.folder / file, options, providers=["CPUExecutionProvider"])

    def critic_taste_HD(self) -> NDArray[np.float32]:
        """How a taste asks for the critic's terms; without terms there is no such file. Raises BundleCorrupt."""
        return np.array(_load_array(self.folder / layout.CRITIC_TASTE, None))

    def decoder_labels(self) -> pl.DataFrame | None:
        """What the decoder's outputs mean; None where the bundle has no decoder. Raises BundleCorrupt."""
        path = self.folder / layout.DECODER_LABELS
        return _load_table(path, ("kind", "value", "share")) if path.is_file() else None

    def text_encoder(self, *, threads: int | None = None) -> TextEncoder:
        """The sentence encoder of training; verified now, because becoming ready does not wait for it."""
        return open_text_encoder(self.folder, self.manifest, threads=threads)

    def _verify_late(self, name: str) -> None:
        _verify_late(self.folder, self.manifest, name)


def verify_bundle(folder: Path) -> Manifest:
    """The manifest, after every digest of every file was compared.

    Raises BundleNotFound, or BundleCorrupt whose message names every file that is damaged, missing or foreign.
    """
    manifest = read_manifest(folder)
    verify_files(folder, manifest)
    return manifest


def open_bundle(folder: Path) -> Bundle:
    """The bundle, ready to serve: digests and shapes verified, those of `LATE_FILES` when they are first used.

    Raises BundleNotFound or BundleCorrupt.
    """
    manifest = read_manifest(folder)
    verify_files(folder, manifest, unread=layout.LATE_FILES)
    return load_bundle(folder, manifest)


def open_text_encoder(folder: Path, manifest: Manifest, *, threads: int | None = None) -> TextEncoder:
    """The sentence encoder of a bundle, verified. Raises BundleCorrupt."""
    for name in (layout.TEXT_ENCODER, layout.TOKENIZER):
        _verify_late(folder, manifest, name)
    return TextEncoder(folder / layout.TEXT_ENCODER, folder / layout.TOKENIZER, threads=threads)


def map_content(folder: Path, manifest: Manifest) -> tuple[NDArray[np.float16], NDArray[np.int32]]:
    """Texts [N, E] and tags [N, T] of the bundle's items, mapped from their files; raises BundleCorrupt."""
    text_shape = (manifest.num_items, int(manifest.feature_spec["text_width"]))
    tags_shape = (manifest.num_items, int(manifest.feature_spec["max_tags"]))
    return (
        _load_array(folder / layout.TEXT_FEATURES, text_shape, np.float16),
        _load_array(folder / layout.TAG_ROWS, tags_shape, np.int32),
    )


def map_neighbours(folder: Path, manifest: Manifest) -> Neighbours:
    """The neighbours of the bundle's items, mapped from their file; raises BundleCorrupt."""
    path = folder / layout.NEIGHBOURS
    try:
        neighbours = Neighbours.load(path)
    except (OSError, ValueError, KeyError) as error:
        raise BundleCorrupt(path, f"not a table of neighbours ({error})") from error
    if neighbours.num_items != manifest.num_items:
        raise BundleCorrupt(path, f"{neighbours.num_items} rows; the manifest counts {manifest.num_items} items")
    return neighbours


def load_bundle(folder: Path, manifest: Manifest) -> Bundle:
    """The files of a bundle that is trusted because it is being written, or was verified; raises BundleCorrupt."""
    item_features_ND = _load_array(folder / layout.ITEM_FEATURES, (manifest.num_items, manifest.embedding_size))
    popularity_N = _load_array(folder / layout.POPULARITY, (manifest.num_items,))
    text_features_NE, tag_rows_NT = map_content(folder, manifest)
    bundle = Bundle(
        folder=folder,
        manifest=manifest,
        item_features_ND=item_features_ND,
        text_features_NE=text_features_NE,
        tag_rows_NT=tag_rows_NT,
        critic_items_NX=_load_critic_items(folder, manifest.num_items),
        popularity_N=popularity_N,
        neighbours=map_neighbours(folder, manifest),
        item_facts=_load_item_facts(folder / layout.ITEM_FACTS, popularity_N),
        index=_load_index(folder / layout.INDEX, manifest),
        vocabulary=_load_table(folder / layout.VOCABULARY, ("tag", "row")),
        catalogue=_load_table(folder / layout.CATALOGUE, ("item_id",)),
    )
    catalogue = bundle.catalogue
    if len(catalogue) != manifest.num_items or catalogue["item_id"].n_unique() != manifest.num_items:
        reason = f"{len(catalogue)} rows, {catalogue['item_id'].n_unique()} distinct items"
        raise BundleCorrupt(folder / layout.CATALOGUE, f"{reason}; the manifest counts {manifest.num_items}")
    assert bundle.feature_spec
    return bundle


def _verify_late(folder: Path, manifest: Manifest, name: str) -> None:
    # a bundle under construction has no digests yet
    if name in layout.LATE_FILES and name in manifest.files:
        verify_file(folder, manifest, name)


def _load_array(path: Path, shape: tuple[int, ...] | None, dtype: type[Any] = np.float32) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise BundleCorrupt(path, f"not an array ({error})") from error
    if shape is not None and (array.shape != shape or array.dtype != dtype):
        reason = f"{array.dtype} of shape {array.shape}"
        raise BundleCorrupt(path, f"{reason}; the manifest asks for {np.dtype(dtype)} of shape {shape}")
    return array.view(np.ndarray)


def _load_critic_items(folder: Path, num_items: int) -> NDArray[np.float32] | None:
    path, taste = folder / layout.CRITIC_ITEMS, folder / layout.CRITIC_TASTE
    if not path.is_file():
        return None
    hidden_size = len(_load_array(taste, None))
    return _load_array(path, (num_items, 1 + hidden_size))


def _load_item_facts(path: Path, popularity_N: NDArray[np.float32]) -> ItemFacts:
    try:
        return ItemFacts.load(path, popularity_N)
    except (OSError, ValueError, KeyError) as error:
        raise BundleCorrupt(path, f"not a table of item facts ({error})") from error


def _load_index(path: Path, manifest: Manifest) -> FaissIndex:
    index = FaissIndex.load(path)
    if (index.num_items, index.size) != (manifest.num_items, manifest.embedding_size):
        reason = f"{index.num_items} items of size {index.size}"
        raise BundleCorrupt(path, f"{reason}; the manifest says {manifest.num_items} of {manifest.embedding_size}")
    return index


def _load_table(path: Path, columns: tuple[str, ...]) -> pl.DataFrame:
    try:
        table = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise BundleCorrupt(path, f"not a table ({error})") from error
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise BundleCorrupt(path, f"no column {', '.join(missing)}")
    return table
