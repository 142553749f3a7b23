"""Random bits from the system, fetched many at once.

Every call of the system lets other threads have the interpreter, and one that computes keeps it for a millisecond.
"""

import os
import threading
from typing import Final

BYTES_AT_ONCE: Final = 4096


class RandomBytes:
    """As unforeseeable as `os.urandom`, which it reads."""

    def __init__(self) -> None:
        self._unused = b""
        self._taking = threading.Lock()

    def forget(self) -> None:
        """In a forked child, which must not draw what its parent draws; the lock may have been held."""
        self._unused, self._taking = b"", threading.Lock()

    def take(self, num_bytes: int) -> bytes:
        """Some that nobody was given before."""
        with self._taking:
            if len(self._unused) < num_bytes:
                self._unused = os.urandom(max(BYTES_AT_ONCE, num_bytes))
            taken, self._unused = self._unused[:num_bytes], self._unused[num_bytes:]
        return taken

    def bits(self, number: int) -> int:
        """A number below 2 ** `number`."""
        return int.from_bytes(self.take(-(-number // 8)), "big") & ((1 << number) - 1)


random_bytes: Final = RandomBytes()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=random_bytes.forget)
