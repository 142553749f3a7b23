"""Texts to unit vectors by one frozen sentence encoder, the same ONNX file in training and serving."""

# T texts, E text embedding, B batch, L tokens

import hashlib
import os
import time
import zipfile
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import Final
from uuid import uuid4

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models.domain.counted import counted
from models.domain.progress import NoProgress, Progress

BATCH_TOKENS: Final = 1024
"""From 128 to 8,192 tokens a batch the rate differs by less than 7 % (MiniLM, one core); small batches move the bar."""
CHUNK_TEXTS: Final = 1024
"""What a killed run embeds again at most: seconds of work."""
PROGRESS_TASK: Final = "Embedding texts"


class TextEncoder:
    """A sentence encoder on ONNX Runtime.

    One batch runs on one thread and holds texts of one token length only. So nothing is padded, a text's company
    changes its embedding by rounding at most, the number of threads not at all, and threads never wait for each other.
    """

    def __init__(self, onnx_file: Path, tokenizer_file: Path, *, threads: int | None = None) -> None:
        self._files = (onnx_file, tokenizer_file)
        self._threads = threads or _allowed_cores()
        self._tokenizer = Tokenizer.from_file(str(tokenizer_file))
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self._session = ort.InferenceSession(str(onnx_file), options, providers=["CPUExecutionProvider"])
        self.width: int = self._session.get_outputs()[0].shape[-1]
        """Numbers in one embedding."""

    @cached_property
    def digest(self) -> str:
        """SHA-256 of network and tokenizer: equal digests embed equally."""
        digests = hashlib.sha256()
        for path in self._files:
            with path.open("rb") as file:
                digests.update(hashlib.file_digest(file, "sha256").digest())
        return digests.hexdigest()

    def embed(self, texts: Sequence[str], progress: Progress = NoProgress()) -> NDArray[np.float32]:  # noqa: B008 - stateless
        """Embeddings [len(texts), width] of unit length; a zero row for a blank text. Equal texts are embedded once."""
        distinct, positions_T = _distinct(texts)
        rows_TE = np.zeros((len(distinct), self.width), np.float32)
        progress.start(PROGRESS_TASK, len(distinct))
        started = time.monotonic()
        with closing(self.embed_batches(distinct)) as batches:
            for batch_B, embedded_BE in batches:
                rows_TE[batch_B] = embedded_BE
                progress.advance(len(batch_B))
        progress.finish(_rate(len(distinct), time.monotonic() - started))
        return rows_TE[positions_T]

    def embed_batches(self, texts: Sequence[str]) -> Generator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Places in `texts` and their embeddings, batch by batch, longest texts first; blank texts never appear.

        Close it where you stop early: work already queued ends then, and not with the process.
        """
        places = [place for place, text in enumerate(texts) if text.strip()]
        encodings = self._tokenizer.encode_batch_fast([texts[place] for place in places])
        tokens = {place: encoding.ids for place, encoding in zip(places, encodings, strict=True)}
        del encodings
        batches = _equal_length_batches(tokens)
        pool = ThreadPoolExecutor(self._threads)
        try:
            embedded = pool.map(lambda batch_B: self._run([tokens[place] for place in batch_B]), batches)
            yield from zip(batches, embedded, strict=True)
        finally:
            pool.shutdown(cancel_futures=True)  # Ctrl-C waits for the batches under way, not for all that are queued

    def _run(self, token_ids: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        ids_BL = np.array(token_ids, np.int64)
        (embedded_BE,) = self._session.run(None, {"input_ids": ids_BL, "attention_mask": np.ones_like(ids_BL)})
        return np.asarray(embedded_BE, np.float32)


class EmbeddingCache:
    """Embeddings that outlive the run, kept by encoder and text, written while the work goes on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def embed(
        self,
        encoder: TextEncoder,
        texts: Sequence[str],
        progress: Progress = NoProgress(),  # noqa: B008 - stateless
    ) -> NDArray[np.float32]:
        """What `encoder.embed(texts)` gives; only texts never seen before cost time."""
        folder = self._folder / encoder.digest[:16]
        folder.mkdir(parents=True, exist_ok=True)
        distinct, positions_T = _distinct(texts)
        rows_TE = np.zeros((len(distinct), encoder.width), np.float32)
        missing, damaged = _read_chunks(folder, distinct, rows_TE)
        progress.start(PROGRESS_TASK, len(missing))
        started = time.monotonic()
        unsaved: list[int] = []
        with closing(encoder.embed_batches([distinct[place] for place in missing])) as batches:
            for batch_B, embedded_BE in batches:
                places = [missing[number] for number in batch_B]
                rows_TE[places] = embedded_BE
                unsaved += places
                if len(unsaved) >= CHUNK_TEXTS:
                    _write_chunk(folder, [distinct[place] for place in unsaved], rows_TE[unsaved])
                    unsaved = []
                progress.advance(len(places))
        if unsaved:
            _write_chunk(folder, [distinct[place] for place in unsaved], rows_TE[unsaved])
        note = _rate(len(missing), time.monotonic() - started) if missing else "all known"
        progress.finish(f"{note}; {damaged} damaged cache files removed" if damaged else note)
        return rows_TE[positions_T]


def _allowed_cores() -> int:
    # macOS has no affinity call
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _rate(num_texts: int, seconds: float) -> str:
    return f"{counted(num_texts, 'text')}, {num_texts / max(seconds, 1e-9):,.0f} a second"


def _distinct(texts: Sequence[str]) -> tuple[list[str], NDArray[np.int64]]:
    """Distinct texts in order of appearance, and for each given text its place among them."""
    places: dict[str, int] = {}
    positions_T = np.array([places.setdefault(text, len(places)) for text in texts], np.int64)
    return list(places), positions_T


def _equal_length_batches(tokens: dict[int, list[int]]) -> list[NDArray[np.int64]]:
    """Places cut into batches of one token length and at most BATCH_TOKENS tokens (but at least one text)."""
    by_length: dict[int, list[int]] = {}
    for place, ids in tokens.items():
        by_length.setdefault(len(ids), []).append(place)
    batches = []
    for length in sorted(by_length, reverse=True):
        places, size = np.array(by_length[length], np.int64), max(1, BATCH_TOKENS // length)
        batches += [places[start : start + size] for start in range(0, len(places), size)]
    return batches


def _text_key(text: str) -> bytes:
    # "surrogatepass": a lone surrogate is a legal Python string, and a cache key must not fail on it
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _read_chunks(folder: Path, texts: Sequence[str], rows_TE: NDArray[np.float32]) -> tuple[list[int], int]:
    """Fills `rows_TE` from the chunks; returns the places not found and how many damaged chunks were removed."""
    wanted = {_text_key(text): place for place, text in enumerate(texts) if text.strip()}
    damaged = 0
    for path in sorted(folder.glob("*.npz")):
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as chunk:
                keys, embedded_BE = chunk["keys"], chunk["embeddings"]
        except (zipfile.BadZipFile, ValueError, KeyError, EOFError):  # a broken disk; the texts are embedded again
            path.unlink(missing_ok=True)
            damaged += 1
            continue
        found = [(row, wanted.pop(bytes(key))) for row, key in enumerate(keys) if bytes(key) in wanted]
        if found:
            rows, places = zip(*found, strict=True)
            rows_TE[list(places)] = embedded_BE[list(rows)]
    return list(wanted.values()), damaged


def _write_chunk(folder: Path, texts: Sequence[str], embedded_BE: NDArray[np.float32]) -> None:
    """Written beside its place and renamed: a kill leaves no half chunk under a chunk's name."""
    keys = np.frombuffer(b"".join(map(_text_key, texts)), np.uint8).reshape(len(texts), -1)
    unfinished = folder / f"{uuid4().hex}.unfinished"
    with unfinished.open("wb") as file:
        np.savez(file, keys=keys, embeddings=embedded_BE)
    unfinished.rename(unfinished.with_suffix(".npz"))
