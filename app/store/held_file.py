"""SQLite's file, open beside SQLite in the same process.

Where POSIX rules, closing any descriptor of a file drops every lock that the process has on it, SQLite's own too. The
next process that closes the database then takes itself for the last one and deletes the log of writes, and
what this one writes from then on is lost (https://www.sqlite.org/howtocorrupt.html, section 2.2). So all databases of a
process that are the same file share one descriptor, which is closed after the last of them.
"""

import os
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from threading import Lock
from typing import ClassVar, Final

NEW_FILE_MODE: Final = 0o600  # what shoppers did and digests of keys: for the service's user alone
CHUNK_BYTES: Final = 1 << 20


class HeldFile:
    """A file that can be read while SQLite has it. Made by `hold`."""

    _held: ClassVar[dict[tuple[int, int], "HeldFile"]] = {}
    """Of this process, by device and inode: locks belong to those, not to names."""
    _changing: ClassVar = Lock()

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stream = FileIO(path, "rb", opener=_open_or_make)
        self._reading = Lock()
        self._num_holders = 0

    @classmethod
    def hold(cls, path: Path) -> "HeldFile":
        """The file, made where there is none; until as many `let_go`. Raises OSError."""
        with cls._changing:
            held = cls._held.get(_identity(path.stat())) if path.exists() else None
            if held is None:
                held = cls(path)
                cls._held[held._identity] = held
            held._num_holders += 1
            return held

    def let_go(self) -> None:
        """Only after the connections of SQLite that go with it are closed."""
        with self._changing:
            self._num_holders -= 1
            if not self._num_holders:
                del self._held[self._identity]
                self._stream.close()

    def chunks(self) -> Iterator[bytes]:
        """All of it, from the start."""
        offset = 0
        while chunk := self._read(offset):
            yield chunk
            offset += len(chunk)

    @property
    def _identity(self) -> tuple[int, int]:
        return _identity(os.fstat(self._stream.fileno()))

    def _read(self, offset: int) -> bytes:
        with self._reading:
            self._stream.seek(offset)
            return self._stream.read(CHUNK_BYTES)


def _open_or_make(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CREAT, NEW_FILE_MODE)


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino
