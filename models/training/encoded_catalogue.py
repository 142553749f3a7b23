"""A catalogue as the networks read it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.data.dataset import Dataset
from models.domain.progress import NoProgress, Progress
from models.features.content import ItemContent, encode_content
from models.features.spec import FeatureSpec, fit_feature_spec
from models.features.text_encoder import EmbeddingCache, TextEncoder
from models.networks.text_encoder_export import DEFAULT_TEXT_ENCODER, TextEncoderFiles, ensure_text_encoder


@dataclass(frozen=True, slots=True)
class EncodedCatalogue:
    """The feature spec that was fitted, and every item by it."""

    spec: FeatureSpec
    content: ItemContent
    text_encoder_name: str
    text_encoder: TextEncoderFiles


def encode_catalogue(dataset: Dataset, text_encoder: str | None, cache: Path, progress: Progress) -> EncodedCatalogue:
    """Fit the feature spec and embed every text; `cache` keeps the text encoder and each text's embedding."""
    name = text_encoder or DEFAULT_TEXT_ENCODER
    files = ensure_text_encoder(cache / "text-encoders", name, progress)
    encoder = TextEncoder(*files)
    spec = fit_feature_spec(
        dataset.catalogue,
        text_encoder_digest=encoder.digest,
        text_width=encoder.width,
        uses_time=dataset.info.time == "real",
    )
    embeddings = EmbeddingCache(cache / "embeddings")

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        # a catalogue of ids alone has nothing to embed, and nothing to tell of it
        return embeddings.embed(encoder, texts, progress if any(map(str.strip, texts)) else NoProgress())

    content = encode_content(dataset.catalogue, spec, embed)
    return EncodedCatalogue(spec, content, name, files)
