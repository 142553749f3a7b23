"""How the C library keeps the memory that was freed; nothing here is done where it is not glibc."""

import asyncio
import ctypes
import platform
from collections.abc import Mapping
from typing import Final

ONE_HEAP: Final = 1
"""For all threads. Each thread's own heap keeps what its largest call took (docs/performance.md)."""
M_ARENA_MAX: Final = -8
"""glibc's malloc.h."""
GIVE_BACK_SECONDS: Final = 10.0
"""It takes 2 ms, and what is needed again has to be fetched again."""


def share_heap(environment: Mapping[str, str]) -> bool:
    """One heap for all threads from now on; call it before they begin.

    False where nothing was changed, because of the C library or because the operator chose a number of heaps.
    """
    if not _is_glibc() or _is_chosen(environment):
        return False
    return bool(ctypes.CDLL(None).mallopt(M_ARENA_MAX, ONE_HEAP))


async def give_back_forever() -> None:
    """What is free, in all heaps, goes back to the system every few seconds, until this is cancelled."""
    while _is_glibc():
        await asyncio.sleep(GIVE_BACK_SECONDS)
        await asyncio.to_thread(give_back)


def give_back() -> None:
    """Once. By itself the C library gives back no more than what lies at the end of a heap."""
    ctypes.CDLL(None).malloc_trim(0)


def _is_glibc() -> bool:
    return platform.libc_ver()[0] == "glibc"


def _is_chosen(environment: Mapping[str, str]) -> bool:
    return "MALLOC_ARENA_MAX" in environment or "glibc.malloc.arena_max" in environment.get("GLIBC_TUNABLES", "")
