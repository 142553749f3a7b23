"""Memory that was freed, given back to the system."""

import ctypes
import sys


def return_freed_memory() -> bool:
    """Ask the C library to give back what lies free between its blocks; False where it has no such call.

    Batches of every length leave the heap full of holes, more with every epoch.
    """
    if not sys.platform.startswith("linux"):
        return False
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim is not None and bool(trim(0))
