"""A sentence encoder whose answers are known: the unit mean of its words' vectors."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, pre_tokenizers

WORD_VECTORS = {
    "[UNK]": (0.0, 0.0, 1.0),
    "red": (1.0, 0.0, 0.0),
    "tea": (0.0, 1.0, 0.0),
    "cup": (0.6, 0.8, 0.0),
}
MAX_TOKENS = 64


def write_tiny_encoder(folder: Path) -> tuple[Path, Path]:
    """Network and tokenizer, as `TextEncoder` takes them."""
    folder.mkdir(parents=True, exist_ok=True)
    onnx_file, tokenizer_file = folder / "text_encoder.onnx", folder / "tokenizer.json"
    tokenizer = Tokenizer(models.WordLevel({word: row for row, word in enumerate(WORD_VECTORS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.save(str(tokenizer_file))
    vectors = numpy_helper.from_array(np.array(list(WORD_VECTORS.values()), np.float32), "vectors")
    axis = numpy_helper.from_array(np.array([1], np.int64), "axis")
    tokens = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "length"])
        for name in ("input_ids", "attention_mask")
    ]
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["vectors", "input_ids"], ["words"]),
            helper.make_node("Unsqueeze", ["attention_mask", "last"], ["mask"]),
            helper.make_node("Cast", ["mask"], ["weights"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["words", "weights"], ["weighted"]),
            helper.make_node("ReduceSum", ["weighted", "axis"], ["total"], keepdims=0),
            helper.make_node("LpNormalization", ["total"], ["sentence_embedding"], axis=1, p=2),
        ],
        "tiny",
        tokens,
        [helper.make_tensor_value_info("sentence_embedding", TensorProto.FLOAT, ["batch", 3])],
        [vectors, axis, numpy_helper.from_array(np.array([2], np.int64), "last")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), onnx_file)
    return onnx_file, tokenizer_file
