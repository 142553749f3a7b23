"""Arrays of an .npz file mapped where they lie, not read: pages that nobody asks for take no memory."""

import struct
import zipfile
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

_LOCAL_HEADER_BYTES: Final = 30
_LENGTHS: Final = struct.Struct("<HH")
_LENGTHS_AT: Final = 26
"""Of name and extra field in a member's local header (APPNOTE.TXT 4.3.7)."""


def mapped_array(archive: Path, name: str) -> NDArray[Any]:
    """One array of what `numpy.savez` wrote, read-only; raises KeyError, ValueError or OSError where there is none."""
    with zipfile.ZipFile(archive) as members, archive.open("rb") as file:
        member = members.getinfo(f"{name}.npy")
        if member.compress_type != zipfile.ZIP_STORED:
            raise ValueError(f"{name} is compressed: it cannot be mapped")
        file.seek(member.header_offset + _LENGTHS_AT)
        header_bytes = _LOCAL_HEADER_BYTES + sum(_LENGTHS.unpack(file.read(_LENGTHS.size)))
        file.seek(member.header_offset + header_bytes)
        version = npy.read_magic(file)
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, is_fortran, dtype = read_header(file)
        if is_fortran or dtype.hasobject:
            raise ValueError(f"{name} is no plain array")
        if not np.prod(shape):
            return np.zeros(shape, dtype)
        return np.memmap(archive, dtype, "r", file.tell(), shape).view(np.ndarray)
