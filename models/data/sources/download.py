"""One file from the web: over HTTPS, no larger than expected, and byte for byte the one that is known."""

import hashlib
import urllib.request
from pathlib import Path
from typing import BinaryIO, Final

from models.domain.errors import DatasetError
from models.domain.progress import Progress

CHUNK_BYTES: Final = 1 << 16
TIMEOUT_SECONDS: Final = 60.0


def download(url: str, file: Path, *, num_bytes: int, sha256: str, progress: Progress) -> None:
    """Writes the file. Raises `DatasetError` without network, and for any other content than the known one."""
    progress.start(f"Download {url}", total=num_bytes)
    request = urllib.request.Request(url, headers={"User-Agent": "figment"})  # noqa: S310 - the address is checked below
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310 - the address is checked below
            if not response.url.startswith("https://"):
                raise DatasetError(f"{url} leads to {response.url}, which is not HTTPS")
            save_known(response, file, num_bytes=num_bytes, sha256=sha256, progress=progress)
    except OSError as error:
        raise DatasetError(
            f"cannot download {url}: {error}. Without network, fetch the file elsewhere and name it"
        ) from error
    progress.finish("checksum is right")


def save_known(stream: BinaryIO, file: Path, *, num_bytes: int, sha256: str, progress: Progress) -> None:
    """Writes the stream; raises `DatasetError` as soon as it is longer than known, or at its end if it differs."""
    digest = hashlib.sha256()
    size = 0
    with file.open("wb") as out:
        while chunk := stream.read(CHUNK_BYTES):
            size += len(chunk)
            if size > num_bytes:
                raise DatasetError(f"more than the known {num_bytes:,} bytes came: not the known file, stopped")
            digest.update(chunk)
            out.write(chunk)
            progress.advance(len(chunk))
    if digest.hexdigest() != sha256:
        raise DatasetError(
            f"not the known file: SHA-256 is {digest.hexdigest()} of {size:,} bytes, known is {sha256} of {num_bytes:,}"
        )
