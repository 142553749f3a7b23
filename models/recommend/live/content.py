"""Features of items that the shop added or changed: from content, with the identity that training gave them if any."""

# C items that change, N items of the bundle, D features, E text embedding, T tags

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.bundle.read import Bundle
from models.features.content import EmbedsText, encode_content, item_text
from models.recommend.candidates import RunsNetwork
from models.recommend.sessions import run_network


@dataclass(frozen=True, slots=True)
class EncodedItems:
    """What the content of some items became."""

    features_CD: NDArray[np.float32]
    """Of content alone."""
    text_CE: NDArray[np.float16]
    tag_rows_CT: NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class ContentEncoder:
    """The bundle's own encoders; opened when they are first needed."""

    bundle: Bundle

    @cached_property
    def _item_encoder(self) -> RunsNetwork:
        return run_network(self.bundle.session("item_encoder"))

    @cached_property
    def embed(self) -> EmbedsText:
        """The text encoder of training, on one thread: changes are worked in beside answers."""
        return self.bundle.text_encoder(threads=1).embed

    def texts(self, frame: pl.DataFrame) -> list[str]:
        """The sentence that stands for each item."""
        columns = self.bundle.feature_spec.text_columns
        return [item_text(item, columns) for item in frame.iter_rows(named=True)]

    def encode(self, frame: pl.DataFrame, text_CE: NDArray[np.float16]) -> EncodedItems:
        """Items whose texts were embedded before."""
        content = encode_content(frame, self.bundle.feature_spec, lambda _: text_CE.astype(np.float32))
        return EncodedItems(self._item_encoder(content.as_inputs()), text_CE, content.tag_rows_NT.astype(np.int32))

    def embedded(
        self, texts: Sequence[str], known: Sequence[str | None], known_CE: NDArray[np.float16], embed: EmbedsText
    ) -> NDArray[np.float16]:
        """Embeddings of the texts, anew only where a text is not the known one; as precise as the bundle keeps them."""
        text_CE = known_CE.copy()
        places = [place for place, (text, old) in enumerate(zip(texts, known, strict=True)) if text != old]
        if places:
            text_CE[places] = embed([texts[place] for place in places]).astype(np.float16)
        return text_CE

    def identities(self, rows_C: NDArray[np.int32]) -> NDArray[np.float32]:
        """What training learned of items beyond their content [C, D]: features less those of content as it was then."""
        bundle = self.bundle
        then = self.encode(bundle.catalogue[rows_C], bundle.text_features_NE[rows_C])
        return np.asarray(bundle.item_features_ND[rows_C] - then.features_CD, np.float32)


def content_columns(bundle: Bundle) -> frozenset[str]:
    """Attributes whose change makes a new feature. A price is part of content too, but prices change every night: a
    trained item keeps its feature then."""
    spec = bundle.feature_spec
    return frozenset({"title", "description", "category", "brand", *spec.text_columns, *spec.label_columns})
