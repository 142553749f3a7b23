"""A real BERT with random weights, small enough to export in a moment, in sentence-transformers' layout."""

import json
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertModel

WORDS = ["[PAD]", "[UNK]", "red", "tea", "cup", "wine", "blue", "paint", "brush"]


def write_tiny_transformer(folder: Path, *, seed: int = 0, pooling: str | None = "pooling_mode_mean_tokens") -> Path:
    """The folder itself; without the file that names the pooling where `pooling` is None."""
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=12,
    )
    BertModel(config).save_pretrained(folder)
    tokenizer = Tokenizer(models.WordLevel({word: row for row, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.enable_padding(length=10)
    tokenizer.enable_truncation(3)
    tokenizer.save(str(folder / "tokenizer.json"))
    if pooling is not None:
        (folder / "1_Pooling").mkdir(exist_ok=True)
        (folder / "1_Pooling" / "config.json").write_text(
            json.dumps({"word_embedding_dimension": 8, "pooling_mode_max_tokens": False, pooling: True})
        )
    return folder
