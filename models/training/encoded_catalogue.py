"""A catalogue as the networks read it."""

from dataclasses import dataclass
from pathlib import Path

from models.data.dataset import Dataset
from models.domain.progress import Progress
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
    content = encode_content(dataset.catalogue, spec, lambda texts: embeddings.embed(encoder, texts, progress))
    return EncodedCatalogue(spec, content, name, files)
