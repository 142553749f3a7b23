"""The slow parts of a new item, from a bundle's files alone: its text's embedding, what it is like and borrows from."""

# B new items, E text embedding, T tags

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.bundle.manifest import read_manifest
from models.bundle.read import map_content, map_neighbours, open_text_encoder
from models.features.text_encoder import TextEncoder
from models.recommend.live.likeness import Likeness
from models.recommend.live.linked import nearest_of_bundle
from models.recommend.live.new_neighbours import NearestOfBundle


class NewContent:
    """On one thread, with nothing in memory but the text encoder; what the bundle's items are is mapped."""

    def __init__(self, folder: Path) -> None:
        """Raises BundleNotFound or BundleCorrupt; verified is only what was not when the bundle was opened."""
        self._folder = folder
        self._manifest = read_manifest(folder)
        self._likeness = Likeness(*map_content(folder, self._manifest))
        self._neighbours = map_neighbours(folder, self._manifest)

    @cached_property
    def _encoder(self) -> TextEncoder:
        return open_text_encoder(self._folder, self._manifest, threads=1)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """As `TextEncoder.embed`."""
        return self._encoder.embed(texts)

    def nearest(self, text_BE: NDArray[np.float16], tag_rows_BT: NDArray[np.int32]) -> NearestOfBundle:
        """As `nearest_of_bundle`."""
        return nearest_of_bundle(self._likeness, self._neighbours, text_BE, tag_rows_BT)
