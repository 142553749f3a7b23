"""A dataset's photographs as arrays of one size.

They lie in `photos.parquet` beside the catalogue (`item_id`, `jpeg`: the bytes of a JPEG or PNG), or in files that the
catalogue's column `image` names by a path inside the folder. What is behind an address on the web is not fetched.
"""

# N photographs, C channels, H height, W width

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from models.domain.counted import counted
from models.domain.errors import DatasetError
from models.domain.progress import NoProgress, Progress

SIDECAR: Final = "photos.parquet"
MAX_PIXELS: Final = 50_000_000
"""Of one photograph: a small file can claim to be an enormous picture."""


@dataclass(frozen=True, slots=True)
class Photos:
    """Readable photographs, in the catalogue's order."""

    item_rows_N: NDArray[np.int64]
    photos_NHWC: NDArray[np.uint8]
    """One channel where every photograph is grey, else three."""
    num_unreadable: int


def read_photos(
    folder: Path,
    catalogue: pl.DataFrame,
    size: int,
    progress: Progress = NoProgress(),  # noqa: B008 - stateless
) -> Photos:
    """Every item's photograph, `size` × `size`. Raises DatasetError where there is none."""
    sidecar = folder / SIDECAR
    files = _from_sidecar(sidecar, catalogue) if sidecar.is_file() else _from_files(folder, catalogue)
    progress.start("Reading photographs", catalogue.height)
    rows: list[int] = []
    squares: list[Image.Image] = []
    num_unreadable = 0
    for row, content in files:
        progress.advance()
        try:
            squares.append(square(content, size))
        except (UnidentifiedImageError, OSError, ValueError):
            num_unreadable += 1
            continue
        rows.append(row)
    if not rows:
        raise DatasetError(
            f"{folder} has no readable photograph: it needs {SIDECAR} (item_id, jpeg), or paths in the catalogue's "
            "column image"
        )
    mode = "L" if all(each.mode == "L" for each in squares) else "RGB"
    photos_NHWC = np.stack([np.asarray(each.convert(mode)) for each in squares]).reshape(len(rows), size, size, -1)
    progress.finish(counted(len(rows), "photograph") + (f", {num_unreadable:,} unreadable" if num_unreadable else ""))
    return Photos(np.array(rows, np.int64), photos_NHWC, num_unreadable)


def square(content: bytes, size: int) -> Image.Image:
    """The picture, grey (L) or RGB, in the middle of a square in the colour of its edge; a larger one is made smaller.

    Raises OSError or ValueError for what is no picture, or one of more than MAX_PIXELS.
    """
    with Image.open(io.BytesIO(content)) as opened:
        if opened.width * opened.height > MAX_PIXELS:
            raise ValueError(f"{opened.width} × {opened.height} is more than {MAX_PIXELS:,} pixels")
        picture = opened.convert("L" if opened.mode in {"1", "L"} else "RGB")
    pixels = np.asarray(picture)
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    colour = np.median(edge, axis=0).astype(np.uint8).tolist()
    side = max(size, *picture.size)
    framed = Image.new(picture.mode, (side, side), colour if picture.mode == "L" else tuple(colour))
    framed.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
    return framed if side == size else framed.resize((size, size), Image.Resampling.LANCZOS)


def _from_sidecar(file: Path, catalogue: pl.DataFrame) -> Iterator[tuple[int, bytes]]:
    try:
        photos = pl.read_parquet(file, columns=["item_id", "jpeg"])
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DatasetError(f"{file} cannot be read as a table of item_id and jpeg: {error}") from error
    rows = catalogue.select(pl.col("item_id").cast(pl.String)).with_row_index("row")
    photos = photos.with_columns(pl.col("item_id").cast(pl.String)).unique("item_id", keep="first")
    found = rows.join(photos.drop_nulls(), on="item_id").sort("row")
    yield from zip(found["row"], found["jpeg"], strict=True)


def _from_files(folder: Path, catalogue: pl.DataFrame) -> Iterator[tuple[int, bytes]]:
    if "image" not in catalogue.columns:
        return
    root = folder.resolve()
    for row, name in enumerate(catalogue["image"]):
        # a path out of the folder is as good as none: a catalogue must not make the trainer read other files
        if name and (file := (root / name).resolve()).is_relative_to(root) and file.is_file():
            yield row, file.read_bytes()
