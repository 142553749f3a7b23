"""Names of the files in a bundle."""

from pathlib import Path
from typing import Final

MANIFEST: Final = "manifest.json"
ITEM_FEATURES: Final = "item_features.npy"
TEXT_FEATURES: Final = "text_features.npy"
TAG_ROWS: Final = "tag_rows.npy"
INDEX: Final = "index.faiss"
NEIGHBOURS: Final = "neighbours.npz"
ITEM_FACTS: Final = "item_facts.npz"
POPULARITY: Final = "popularity.npy"
VOCABULARY: Final = "vocabulary.parquet"
CATALOGUE: Final = "catalogue.parquet"
GOLDEN: Final = "golden.jsonl"
MODEL_CARD: Final = "MODEL_CARD.md"
TEXT_ENCODER: Final = "networks/text_encoder.onnx"
TOKENIZER: Final = "networks/tokenizer.json"
CRITIC_ITEMS: Final = "critic_items.npy"
CRITIC_TASTE: Final = "critic_taste.npy"
"""What the critic says of items, with `networks/critic_items.onnx`; a bundle of before there was such a thing lacks all
three."""
FRAUD: Final = "fraud.npz"
"""Only where `figment fraud fit` made it."""
DECODER_LABELS: Final = "decoder_labels.parquet"
"""Beside `networks/decoder.onnx`; a bundle of before there was a decoder, or of too little to learn one, lacks both."""
SESSIONS: Final = "sessions.npz"
"""How sessions begin, end and go on, in sums that name no shopper; absent where it was not counted."""

REQUIRED_FILES: Final = frozenset(
    {
        ITEM_FEATURES,
        TEXT_FEATURES,
        TAG_ROWS,
        INDEX,
        NEIGHBOURS,
        ITEM_FACTS,
        POPULARITY,
        VOCABULARY,
        CATALOGUE,
        GOLDEN,
        MODEL_CARD,
        TEXT_ENCODER,
        TOKENIZER,
        "networks/generator.onnx",
        "networks/critic.onnx",
        "networks/item_encoder.onnx",
    }
)
"""What no bundle is without; other networks and the weights differ from model to model."""
LATE_FILES: Final = frozenset({TEXT_ENCODER, TOKENIZER})
"""Large, or read with what is large, and not needed to become ready: verified at first use."""


def network_file(name: str) -> str:
    """Where the network of this name lies."""
    return f"networks/{name}.onnx"


def files_in(folder: Path) -> set[str]:
    """Every file of a bundle but its manifest, as the manifest names them."""
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    return found - {MANIFEST}
