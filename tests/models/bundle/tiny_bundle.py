"""A whole bundle of six items, every file real and small."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import polars as pl
from onnx import TensorProto, helper
from safetensors.numpy import save_file

from models.baselines.item_facts import ItemFacts
from models.bundle.manifest import DatasetRecord, Manifest, TextEncoderRecord
from models.bundle.write import place_text_encoder, seal_bundle
from models.features.spec import FeatureSpec
from models.features.text_encoder import TextEncoder
from models.retrieval.faiss_index import build_faiss_index
from tests.models.baselines.tiny_neighbours import neighbours_of
from tests.models.data.histories import sequences_of
from tests.models.features.tiny_encoder import write_tiny_encoder

NUM_ITEMS = 6
SIZE = 4
LATE_FILES = ["networks/text_encoder.onnx", "networks/tokenizer.json"]
EARLY_FILES = [
    "MODEL_CARD.md",
    "catalogue.parquet",
    "golden.jsonl",
    "index.faiss",
    "item_facts.npz",
    "item_features.npy",
    "neighbours.npz",
    "networks/critic.onnx",
    "networks/generator.onnx",
    "networks/item_encoder.onnx",
    "popularity.npy",
    "tag_rows.npy",
    "text_features.npy",
    "vocabulary.parquet",
    "weights/generator.safetensors",
]

SPEC = FeatureSpec(
    tags={"brand=tea house": 1, "word=green": 2},
    text_columns=(),
    label_columns=("colour",),
    log_price_mean=1.0,
    log_price_deviation=0.5,
    text_encoder_digest="0" * 64,
    text_width=3,
    uses_time=True,
)


def tiny_manifest(version: str, **changed: Any) -> Manifest:
    """A manifest without files, as training hands it over."""
    fields: dict[str, Any] = {
        "model_version": version,
        "created_at": datetime(2026, 1, 1, tzinfo=UTC),
        "training": {"epochs": 3, "learning_rate": 1e-3},
        "dataset": DatasetRecord(name="tiny shop", digest="d" * 64),
        "split": {"kind": "temporal", "seed": 0},
        "metrics": {"ndcg@10": 0.25},
        "scoreboard": {"figment": {"ndcg@10": 0.25}, "popularity": {"ndcg@10": 0.125}},
        "serves": "figment",
        "fusion": {"neighbours": 4.0},
        "feature_spec": SPEC.scalars(),
        "feature_spec_digest": SPEC.digest,
        "exclude_seen": True,
        "repeat_share": 0.01,
        "num_items": NUM_ITEMS,
        "num_users": 3,
        "num_events": 12,
        "embedding_size": SIZE,
        "noise_size": 2,
        "max_history_events": 50,
        "text_encoder": TextEncoderRecord(name="tiny", digest="0" * 64),
    }
    return Manifest(**(fields | changed))


def write_tiny_files(folder: Path, cache: Path) -> None:
    """Every file of a bundle but its manifest."""
    features = np.random.default_rng(0).normal(size=(NUM_ITEMS, SIZE)).astype(np.float32)
    np.save(folder / "item_features.npy", features)
    np.save(folder / "text_features.npy", np.eye(NUM_ITEMS, SPEC.text_width, dtype=np.float16))
    np.save(folder / "tag_rows.npy", np.zeros((NUM_ITEMS, SPEC.max_tags), np.int32))
    build_faiss_index(features).save(folder / "index.faiss")
    np.save(folder / "popularity.npy", np.arange(NUM_ITEMS, dtype=np.float32))
    neighbours_of([[(row - 1) % NUM_ITEMS] for row in range(NUM_ITEMS)], [[1.0]] * NUM_ITEMS).save(
        folder / "neighbours.npz"
    )
    catalogue = pl.DataFrame({"item_id": [f"item-{row}" for row in range(NUM_ITEMS)]})
    ItemFacts.fit(catalogue, sequences_of({"u": [(row, row) for row in range(NUM_ITEMS)]})).save(
        folder / "item_facts.npz"
    )
    SPEC.vocabulary().write_parquet(folder / "vocabulary.parquet")
    catalogue.write_parquet(folder / "catalogue.parquet")
    (folder / "golden.jsonl").write_text('{"history": []}\n')
    (folder / "MODEL_CARD.md").write_text("# tiny\n")
    (folder / "weights").mkdir()
    save_file({"layer": features}, folder / "weights" / "generator.safetensors")
    place_text_encoder(*tiny_encoder_of(cache), folder)
    for name in ("critic", "generator", "item_encoder"):
        _write_identity(folder / "networks" / f"{name}.onnx")


def tiny_encoder_of(cache: Path) -> tuple[Path, Path]:
    """The cache's encoder, written at the first call."""
    files = cache / "text_encoder.onnx", cache / "tokenizer.json"
    return files if files[0].is_file() else write_tiny_encoder(cache)


def seal_tiny_bundle(destination: Path, edit: Callable[[Path], object] = lambda _: None, **changed: Any) -> Path:
    """The sealed bundle; `edit` may change its files before they are sealed, `changed` fields of the manifest."""
    cache = destination.parent.parent / "cache"
    digest = TextEncoder(*tiny_encoder_of(cache)).digest

    def write(folder: Path) -> Manifest:
        write_tiny_files(folder, cache)
        edit(folder)
        record = TextEncoderRecord(name="tiny", digest=digest)
        return tiny_manifest(destination.name, **({"text_encoder": record} | changed))

    seal_bundle(destination, write)
    return destination


def flip_byte(path: Path, place: int | None = None) -> None:
    """One bit of one byte changes; the middle one where no place is given. The file becomes another inode."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2 if place is None else place] ^= 1
    path.unlink()
    path.write_bytes(content)


def _write_identity(path: Path) -> None:
    value = {name: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", SIZE]) for name in ("x", "y")}
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "identity", [value["x"]], [value["y"]])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)
