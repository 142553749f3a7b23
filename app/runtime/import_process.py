"""A process of its own for the slow parts of an import, behind everything else that wants the processor.

Started as a program, this file is that process. What goes over its pipes are arrays and never pickles; it ends with
its input, so with whoever started it, however that ended.
"""

# B new items, E text embedding, T tags, M neighbours

import asyncio
import io
import json
import os
import struct
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.domain.errors import ServiceError
from models.recommend.live.new_content import NewContent
from models.recommend.live.new_neighbours import NearestOfBundle

NICENESS: Final = 10
"""Beside one busy thread of an answer it gets a tenth of a core, and all that answers leave."""
ITEMS_A_STEP: Final = 125
"""Half a second of looking for the nearest among 100,000 items."""
LOOK_SECONDS: Final = 0.1
"""So often it is asked whether something more urgent came."""
NEAREST: Final = tuple(field.name for field in fields(NearestOfBundle))
_LENGTH: Final = struct.Struct(">Q")

Arrays: TypeAlias = Mapping[str, NDArray[Any]]
MayGoOn = Callable[[], bool]


class ImportProcess:
    """Runs from the first question until `end`; each answer is None where something more urgent came before it."""

    def __init__(self, folder: Path) -> None:
        """`folder`: the bundle's, which was verified."""
        self.folder = folder
        self.process: Process | None = None
        self._turn = asyncio.Lock()
        self._is_ended = False

    async def embed(self, texts: Sequence[str], may_go_on: MayGoOn) -> NDArray[np.float32] | None:
        """As `TextEncoder.embed`. Raises ServiceError where the process has ended."""
        asked: Arrays = {"texts": np.frombuffer(json.dumps(list(texts)).encode(), np.uint8)}
        told = await self._unless_urgent(asked, may_go_on)
        return told["embedded_BE"] if told else None

    async def nearest(
        self, text_BE: NDArray[np.float16], tag_rows_BT: NDArray[np.int32], may_go_on: MayGoOn
    ) -> NearestOfBundle | None:
        """As `nearest_of_bundle`, of at least one item. Raises ServiceError where the process has ended."""
        parts: list[NearestOfBundle] = []
        for start in range(0, len(text_BE), ITEMS_A_STEP):
            step = slice(start, start + ITEMS_A_STEP)
            asked: Arrays = {"text_BE": text_BE[step], "tag_rows_BT": tag_rows_BT[step]}
            if (told := await self._unless_urgent(asked, may_go_on)) is None:
                return None
            parts.append(NearestOfBundle(*(told[name] for name in NEAREST)))
        return NearestOfBundle.joined(parts)

    @property
    def has_ended(self) -> bool:
        """Whether it was ended, or started and runs no more."""
        return self._is_ended or (self.process is not None and self.process.returncode is not None)

    async def end(self) -> None:
        """At once; whoever still waits for an answer gets ServiceError."""
        self._is_ended = True
        self._kill()
        async with self._turn:
            if self.process and self.process.stdout:
                self._kill()
                await self.process.stdout.read()  # to its end, or the pipe stays open
                await self.process.wait()

    def _kill(self) -> None:
        if self.process and self.process.returncode is None:
            with suppress(ProcessLookupError):
                self.process.kill()

    async def _unless_urgent(self, asked: Arrays, may_go_on: MayGoOn) -> Arrays | None:
        answer = asyncio.ensure_future(self._answer(asked))
        answer.add_done_callback(_seen)
        while not answer.done():
            if not may_go_on():
                return None  # what was asked is still answered, before anything else is
            await asyncio.wait({answer}, timeout=LOOK_SECONDS)
        return answer.result()

    async def _answer(self, asked: Arrays) -> Arrays:
        async with self._turn:
            if not self._is_ended:
                self.process = self.process or await self._start()
            if self._is_ended or self.process is None:  # while it started, too
                raise ServiceError("the process that builds imports was ended")
            assert self.process.stdin
            assert self.process.stdout
            try:
                self.process.stdin.write(_packed(asked))
                await self.process.stdin.drain()
                (length,) = _LENGTH.unpack(await self.process.stdout.readexactly(_LENGTH.size))
                return _unpacked(await self.process.stdout.readexactly(length))
            except (asyncio.IncompleteReadError, ConnectionError) as error:
                raise ServiceError("the process that builds imports has ended") from error

    async def _start(self) -> Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", __name__, str(self.folder)),
            stdin=PIPE,
            stdout=PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"},
        )


def _seen(answer: "asyncio.Future[Arrays]") -> None:
    """Reads the exception, or asyncio reports an answer that nobody waits for any more as an error nobody saw."""
    if not answer.cancelled():
        answer.exception()


def _packed(arrays: Arrays) -> bytes:
    packed = io.BytesIO()
    np.savez(packed, allow_pickle=False, **arrays)
    return _LENGTH.pack(packed.tell()) + packed.getvalue()


def _unpacked(packed: bytes) -> Arrays:
    with np.load(io.BytesIO(packed), allow_pickle=False) as arrays:
        return dict(arrays)


def _answer_all(questions: BinaryIO, answers: BinaryIO, content: NewContent) -> None:
    while len(head := questions.read(_LENGTH.size)) == _LENGTH.size:
        answers.write(_packed(_answered(_unpacked(questions.read(*_LENGTH.unpack(head))), content)))
        answers.flush()


def _answered(asked: Arrays, content: NewContent) -> Arrays:
    if "texts" in asked:
        return {"embedded_BE": content.embed(json.loads(asked["texts"].tobytes()))}
    nearest = content.nearest(asked["text_BE"], asked["tag_rows_BT"])
    return dict(zip(NEAREST, nearest.arrays, strict=True))


if __name__ == "__main__":
    if sys.platform != "win32":
        # a group of its own, so that Ctrl-C reaches only the one that ends it; a session of its own would do that too,
        # but Linux gives each session the same share of the processor, however nice what is in it (sched_autogroup)
        os.setpgid(0, 0)
        os.nice(NICENESS)
    with suppress(BrokenPipeError):  # whoever asked is gone
        _answer_all(sys.stdin.buffer, sys.stdout.buffer, NewContent(Path(sys.argv[1])))
