"""What other graphs of the generator would save a request: products in 8 bits, attention in one node, half the width.

    python benchmarks/generator_graphs.py --bundle BUNDLE --json benchmarks/results/generator_graphs.json

Times are of untrained networks of the profiles' widths, one thread, graph after graph in turns. What 8 bits change is
told of the bundle's own generator and items, by exact search and for histories drawn by what sells.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final
from unittest.mock import patch

import numpy as np
import onnx
import onnxruntime as ort
import torch
from afternoon import trained_generator
from numpy.typing import NDArray
from onnxruntime.quantization import QuantType, quantize_dynamic
from record import circumstances, keep
from torch import Tensor

from models.bundle.read import open_bundle
from models.domain.events import EVENT_TYPES
from models.features.spec import MAX_HISTORY_EVENTS
from models.networks.export import export_generator
from models.networks.generator import Generator
from models.networks.history_encoder import MASKED, HistoryEncoder, _Block
from models.retrieval.exact import ExactIndex
from models.training.config import FULL, QUICK

PACKAGES: Final = ["torch", "onnx", "onnxruntime", "numpy"]
CALLS: Final = 300
SIZES: Final = ((1, 8), (16, 8), (1, 50), (16, 50))
"""Histories of a call, and events of each."""
LIST_LENGTH: Final = 20
HISTORIES, EVENTS = 2_000, 8


def main() -> None:
    arguments = _arguments()
    with TemporaryDirectory() as folder:
        found = {
            f"{profile.profile}, {profile.embedding_size} numbers": timed(profile.embedding_size, Path(folder))
            for profile in (QUICK, FULL)
        }
        changed = closeness(arguments.bundle, Path(folder))
    result = {
        "what": "graphs of the generator, microseconds of processor a history",
        **circumstances(PACKAGES),
        "microseconds": found,
        "8 bits": changed,
    }
    keep(result, arguments.json)


def timed(size: int, folder: Path) -> dict[str, dict[str, Any]]:
    """Graph → how many nodes it has, and what a history takes by the size of the call."""
    graphs = {"as served": exported(untrained(size), size, folder / "served.onnx")}
    graphs["products in 8 bits"] = in_8_bits(graphs["as served"])
    with attention_in_one_node():
        graphs["attention in one node"] = exported(untrained(size), size, folder / "attention.onnx")
    graphs["half as wide"] = exported(untrained(size // 2), size // 2, folder / "half.onnx")
    sessions = {name: session_of(file) for name, file in graphs.items()}
    told: dict[str, dict[str, Any]] = {
        name: {"nodes": len(onnx.load(str(file)).graph.node)} for name, file in graphs.items()
    }
    for num_histories, num_events in SIZES:
        micros: dict[str, list[float]] = defaultdict(list)
        for _ in range(CALLS):
            for name, session in sessions.items():
                asked = histories(session, num_histories, num_events)
                started = time.thread_time()
                session.run(None, asked)
                micros[name].append(1e6 * (time.thread_time() - started) / num_histories)
        for name, values in micros.items():
            told[name][f"{num_histories} of {num_events} events"] = round(median(values), 1)
    return told


def closeness(folder: Path, beside: Path) -> dict[str, float]:
    """The bundle's generator in 8 bits: cosine to what it generates as served, and what of the nearest stays."""
    bundle = open_bundle(folder)
    size = bundle.manifest.embedding_size
    served = exported(trained_generator(bundle), size, beside / "trained.onnx")
    rng = np.random.default_rng(0)
    shares_N = bundle.popularity_N / bundle.popularity_N.sum()
    rows_BL = rng.choice(len(shares_N), (HISTORIES, EVENTS), p=shares_N)
    asked = of_events(np.asarray(bundle.item_features_ND)[rows_BL], bundle.manifest.noise_size)
    exact_BD, rough_BD = (session_of(file).run(None, asked)[0][:, 0] for file in (served, in_8_bits(served)))
    index = ExactIndex(np.asarray(bundle.item_features_ND))
    lists = [index.search(np.ascontiguousarray(each), LIST_LENGTH)[0] for each in (exact_BD, rough_BD)]
    kept = [len(np.intersect1d(exact, rough)) / LIST_LENGTH for exact, rough in zip(*lists, strict=True)]
    cosines_B = (exact_BD * rough_BD).sum(axis=1)
    return {
        "histories": HISTORIES,
        "lowest cosine": round(float(cosines_B.min()), 5),
        f"share of the nearest {LIST_LENGTH} that stays": round(float(np.mean(kept)), 4),
        "the nearest stays": round(float((lists[0][:, 0] == lists[1][:, 0]).mean()), 4),
    }


def untrained(size: int) -> Generator:
    torch.manual_seed(0)
    encoder = HistoryEncoder(
        embedding_size=size,
        num_layers=FULL.num_layers,
        num_heads=FULL.num_heads,
        max_events=MAX_HISTORY_EVENTS,
        dropout=0.0,
    )
    return Generator(encoder, embedding_size=size, noise_size=FULL.noise_size)


def exported(generator: Generator, size: int, file: Path) -> Path:
    export_generator(generator, file, embedding_size=size, max_events=MAX_HISTORY_EVENTS)
    return file


def in_8_bits(file: Path) -> Path:
    """Weights of products alone, a scale for each column; what comes in is rounded call by call."""
    smaller = file.with_suffix(".8.onnx")
    quantize_dynamic(file, smaller, op_types_to_quantize=["MatMul"], per_channel=True, weight_type=QuantType.QInt8)
    return smaller


@contextmanager
def attention_in_one_node() -> Iterator[None]:
    """ONNX's own operator, which the exporter writes from operator set 23 on."""
    export: Callable[..., Any] = partial(torch.onnx.export, opset_version=23)
    with patch.object(torch.onnx, "export", export), patch.object(_Block, "_attended", attended):
        yield


def attended(
    self: _Block, query: Tensor, key: Tensor, value: Tensor, visible: Tensor, interest: Tensor, distance: Tensor
) -> Tensor:
    """`_Block._attended` by torch's function for it."""
    query, key, value = (
        each.reshape(*each.shape[:2], self.num_heads, -1).transpose(1, 2) for each in (query, key, value)
    )
    mask = self.distance_bias[:, distance] + interest[:, None, None, :]
    mask = mask.masked_fill(~visible[:, None], MASKED)
    found = torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    return found.transpose(1, 2).flatten(-2)


def session_of(file: Path) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return ort.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def histories(session: ort.InferenceSession, num_histories: int, num_events: int) -> Mapping[str, NDArray[Any]]:
    """Of features drawn at random."""
    told = {each.name: each.shape for each in session.get_inputs()}
    features = np.random.default_rng(0).standard_normal((num_histories, num_events, told["history_features"][-1]))
    return of_events(features.astype(np.float32), told["noise"][-1])


def of_events(features_BLD: NDArray[np.float32], noise_size: int) -> Mapping[str, NDArray[Any]]:
    """Purchases, and the single best guess."""
    places = features_BLD.shape[:2]
    return {
        "history_features": features_BLD,
        "history_mask": np.ones(places, np.bool_),
        "event_types": np.full(places, EVENT_TYPES.index("purchase")),
        "gaps": np.zeros(places, np.int64),
        "noise": np.zeros((places[0], 1, noise_size), np.float32),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--json", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
