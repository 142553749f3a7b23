import asyncio
import platform
import subprocess
import sys

import pytest

from app.runtime import heaps
from app.runtime.heaps import give_back_forever, share_heap

IS_GLIBC = platform.libc_ver()[0] == "glibc"
PROGRAM = """
import ctypes, os, threading
from app.runtime.heaps import share_heap
if {is_shared}:
    assert share_heap({{}})
c = ctypes.CDLL(None)
c.malloc.restype, c.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
c.fopen.restype, c.fclose.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
c.malloc_info.argtypes = [ctypes.c_int, ctypes.c_void_p]
all_there = threading.Barrier(4)
def allocate():
    all_there.wait()
    c.malloc(50_000)
    all_there.wait()
threads = [threading.Thread(target=allocate) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
told = c.fopen(b"/dev/stdout", b"w")
c.malloc_info(0, told)
c.fclose(told)
"""

PIECES = """
import ctypes, psutil
from app.runtime.heaps import give_back
c = ctypes.CDLL(None)
c.malloc.restype, c.malloc.argtypes, c.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
c.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
pieces = [c.malloc(65_536) for _ in range(1_000)]
for piece in pieces:
    c.memset(piece, 1, 65_536)
for piece in pieces[:-1]:  # the last lies at the end of the heap, which cannot shrink then
    c.free(piece)
resident = psutil.Process().memory_info
before = resident().rss
give_back()
print((before - resident().rss) >> 20)
"""


def num_heaps(*, is_shared):
    """Of a fresh process whose four threads took memory at the same time, by the C library's own account."""
    command = [sys.executable, "-c", PROGRAM.format(is_shared=is_shared)]
    return subprocess.run(command, env={}, capture_output=True, text=True, check=True).stdout.count("<heap nr=")


@pytest.mark.skipif(not IS_GLIBC, reason="the C library is not glibc")
class TestShareHeap:
    def test_all_threads_take_their_memory_from_one(self):
        assert num_heaps(is_shared=False) > 1
        assert num_heaps(is_shared=True) == 1

    @pytest.mark.parametrize(
        "chosen",
        [{"MALLOC_ARENA_MAX": "4"}, {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0:glibc.malloc.arena_max=4"}],
    )
    def test_what_the_operator_chose_stays(self, chosen):
        assert not share_heap(chosen)


@pytest.mark.skipif(not IS_GLIBC, reason="the C library is not glibc")
class TestGiveBack:
    def test_what_is_free_in_the_middle_of_a_heap_goes_back(self):
        command = [sys.executable, "-c", PIECES]
        given_mib = int(subprocess.run(command, env={}, capture_output=True, text=True, check=True).stdout)
        assert given_mib > 55  # of 62

    async def again_and_again(self, monkeypatch):
        given = asyncio.Semaphore(0)
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(heaps, "GIVE_BACK_SECONDS", 0.001)
        monkeypatch.setattr(heaps, "give_back", lambda: loop.call_soon_threadsafe(given.release))
        giving = asyncio.create_task(give_back_forever())
        for _ in range(3):
            await asyncio.wait_for(given.acquire(), 10)
        giving.cancel()

    def test_it_does_so_until_it_is_cancelled(self, monkeypatch):
        asyncio.run(self.again_and_again(monkeypatch))


class TestOtherLibraries:
    def test_are_left_alone(self, monkeypatch):
        monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
        assert not share_heap({})
        asyncio.run(asyncio.wait_for(give_back_forever(), 10))
