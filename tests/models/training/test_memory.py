import ctypes
import sys
from pathlib import Path

import pytest

from models.training.memory import return_freed_memory


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="needs glibc"
)
def test_holes_between_blocks_are_given_back() -> None:
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    # every second block is freed: the blocks between them keep the heap from shrinking
    blocks = [libc.malloc(64_000) for _ in range(2_000)]
    for block in blocks:
        ctypes.memset(block, 1, 64_000)
    for block in blocks[::2]:
        libc.free(ctypes.c_void_p(block))
    before = resident_bytes()
    assert return_freed_memory()
    assert resident_bytes() < before - 30_000_000
    for block in blocks[1::2]:
        libc.free(ctypes.c_void_p(block))
