"""Fashion-MNIST as a dataset folder: 70,000 grey pictures of garments and shoes, 28 × 28, ten categories.

H. Xiao, K. Rasul, R. Vollgraf, arXiv:1708.07747; Zalando SE, MIT licence. Debian carries the four files in the package
`dataset-fashion-mnist` (`/usr/share/datasets/fashion-mnist`), which is where the checksums below were taken; they are
read from there, or from a folder that holds them, and downloaded where neither is at hand. The catalogue's column
`part` keeps the authors' 60,000 for training and 10,000 for testing apart. There are no events.
"""

import gzip
import io
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from PIL import Image

from models.data.photos import SIDECAR
from models.data.sources.download import download, save_known
from models.data.sources.folder import is_written, write_folder
from models.domain.errors import DatasetError
from models.domain.progress import NoProgress, Progress

NAME: Final = "Fashion-MNIST"
DEBIAN_FOLDER: Final = Path("/usr/share/datasets/fashion-mnist")
DOWNLOADS: Final = "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion"
CATEGORIES: Final = (
    "Tops > T-shirt",
    "Trousers",
    "Tops > Pullover",
    "Dress",
    "Coat",
    "Shoes > Sandal",
    "Tops > Shirt",
    "Shoes > Sneaker",
    "Bag",
    "Shoes > Ankle boot",
)
IMAGE_HEADER_BYTES: Final = 16
LABEL_HEADER_BYTES: Final = 8
SIDE: Final = 28


@dataclass(frozen=True, slots=True)
class KnownFile:
    """One of the four."""

    name: str
    num_bytes: int
    sha256: str


FILES: Final = {
    "train": (
        KnownFile(
            "train-images-idx3-ubyte.gz", 26421856, "b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7"
        ),
        KnownFile(
            "train-labels-idx1-ubyte.gz", 29491, "0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056"
        ),
    ),
    "test": (
        KnownFile(
            "t10k-images-idx3-ubyte.gz", 4422079, "cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa"
        ),
        KnownFile(
            "t10k-labels-idx1-ubyte.gz", 5125, "8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05"
        ),
    ),
}
"""Part → its pictures and its labels. The authors' own files are gzip'ed otherwise; Debian's are compressed again."""


def write_fashion_mnist(folder: Path, progress: Progress, file: Path | None = None) -> Path:
    """The dataset folder; nothing is done where it is already there.

    `file`: any of the four files; the others lie beside it.
    """
    if is_written(folder, NAME):
        return folder
    near = file.parent if file else DEBIAN_FOLDER
    with tempfile.TemporaryDirectory(prefix="figment-fashion-mnist-") as temporary:
        source = near if _has_all(near) else _download(Path(temporary), progress)
        catalogues, photos = zip(*(_part(source, part) for part in FILES), strict=True)
    info = {
        "name": NAME,
        "source": "H. Xiao, K. Rasul, R. Vollgraf: Fashion-MNIST, arXiv:1708.07747; Zalando SE",
        "licence": "MIT",
        "time": "order",
    }
    return write_folder(folder, info, pl.concat(catalogues), others={SIDECAR: pl.concat(photos)})


def _has_all(folder: Path) -> bool:
    return all((folder / known.name).is_file() for pair in FILES.values() for known in pair)


def _download(folder: Path, progress: Progress) -> Path:
    for pair in FILES.values():
        for known in pair:
            url = f"{DOWNLOADS}/{known.name}"
            download(url, folder / known.name, num_bytes=known.num_bytes, sha256=known.sha256, progress=progress)
    return folder


def _part(source: Path, part: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Catalogue and photographs of one part."""
    images, labels = FILES[part]
    pixels_N = _known_numbers(source, images)[IMAGE_HEADER_BYTES:]
    labels_N = _known_numbers(source, labels)[LABEL_HEADER_BYTES:]
    item_ids = [f"{part}-{number:05}" for number in range(len(labels_N))]
    catalogue = pl.DataFrame(
        {"item_id": item_ids, "category": [CATEGORIES[label] for label in labels_N], "part": [part] * len(labels_N)}
    )
    pngs = [_png(square) for square in pixels_N.reshape(-1, SIDE, SIDE)]
    return catalogue, pl.DataFrame({"item_id": item_ids, "jpeg": pngs})


def _known_numbers(source: Path, known: KnownFile) -> NDArray[np.uint8]:
    """The unpacked file as bytes, after its checksum was compared."""
    with tempfile.TemporaryDirectory(prefix="figment-fashion-mnist-") as temporary:
        copy = Path(temporary) / known.name
        with (source / known.name).open("rb") as stream:
            save_known(stream, copy, num_bytes=known.num_bytes, sha256=known.sha256, progress=NoProgress())
        try:
            return np.frombuffer(gzip.decompress(copy.read_bytes()), np.uint8)
        except OSError as error:
            raise DatasetError(f"{source / known.name} cannot be unpacked: {error}") from error


def _png(square: NDArray[np.uint8]) -> bytes:
    """Lossless, although the column is called `jpeg`."""
    buffer = io.BytesIO()
    Image.fromarray(square).save(buffer, "png")
    return buffer.getvalue()
